import { describe, expect, test } from "vitest";
import type { Service, SidecarPort, SidecarScope } from "../../../../model/index.ts";
import { endpointOf, objectOf, serviceOf, viewOf } from "../../testing/view.ts";
import { planOutbound } from "./plan.ts";

/** Services from the oldest on; each listener as `BIND:PORT PROTOCOL: CHAIN, ...`. */
function plan(services: readonly Service[], more: Parameters<typeof viewOf>[0] = {}): readonly string[] {
  const aged = services.map((service, age) => {
    const object = objectOf("Service", service.name);
    return { ...service, object: { ...object, metadata: { ...object.metadata, creationTimestamp: age } } };
  });
  return planOutbound(viewOf({ services: aged, ...more })).map(({ bind, port, protocol, chains }) => {
    const texts = chains.map((chain) =>
      chain.kind === "http"
        ? `http${chain.sniffed ? "?" : ""}`
        : `${chain.host.split(".")[0]}${chain.ranges.length > 0 ? `(${chain.ranges.join()})` : ""}`,
    );
    return `${bind}:${port} ${protocol}: ${texts.join(", ")}`;
  });
}

/** A Sidecar with a listener for each port, and the host that it imports; undefined for all ports that are left. */
function sidecarOf(listeners: readonly (readonly [port: SidecarPort | undefined, host: string])[]): SidecarScope {
  return {
    name: "s",
    namespace: "default",
    workloadSelector: undefined,
    ingress: [],
    egress: listeners.map(([port, host]) => ({ port, bind: undefined, captureMode: "DEFAULT", hosts: [{ namespace: "*", host }] })),
    outboundTrafficPolicy: undefined,
    inboundConnectionPool: undefined,
    object: objectOf("Sidecar", "s"),
  };
}

const http = (number: number, more: Partial<SidecarPort> = {}): SidecarPort => ({ number, protocol: "http", name: "", ...more });

const at = (address: string): Partial<Service> => ({ addresses: [address] });
const nowhere: Partial<Service> = { addresses: [] };

describe("the plan of outbound listeners", () => {
  test.each<[what: string, services: readonly Service[], listeners: readonly string[]]>([
    [
      "HTTP of all services of a port shares a listener",
      [serviceOf("a", { 80: "http" }), serviceOf("b", { 80: "grpc" }, at("10.0.0.2"))],
      ["0.0.0.0:80 auto: http?"],
    ],
    [
      "bytes have one for each address",
      [serviceOf("a", { 90: "tcp" }), serviceOf("b", { 90: "tcp" }, at("10.0.0.2"))],
      ["10.96.0.1:90 tcp: a", "10.0.0.2:90 tcp: b"],
    ],
    ["UDP has none", [serviceOf("a", { 53: "udp" })], []],
    ["what is found out has both", [serviceOf("a", { 90: "auto" })], ["10.96.0.1:90 auto: a, http?"]],
    ["bytes join HTTP", [serviceOf("a", { 80: "http" }, nowhere), serviceOf("b", { 80: "tcp" }, nowhere)], ["0.0.0.0:80 auto: http?, b"]],
    ["HTTP joins bytes", [serviceOf("a", { 80: "tcp" }, nowhere), serviceOf("b", { 80: "http" })], ["0.0.0.0:80 auto: a, http?"]],
    [
      "nobody joins MySQL, whose server speaks first",
      [serviceOf("a", { 80: "mysql" }, nowhere), serviceOf("b", { 80: "http" })],
      ["0.0.0.0:80 mysql: a"],
    ],
    ["MySQL joins nobody", [serviceOf("a", { 80: "http" }), serviceOf("b", { 80: "mysql" }, nowhere)], ["0.0.0.0:80 auto: http?"]],
    [
      "ranges are chains",
      [serviceOf("a", { 90: "tcp" }, at("10.0.0.0/8")), serviceOf("b", { 90: "tcp" }, at("11.0.0.0/8"))],
      ["0.0.0.0:90 tcp: a(10.0.0.0/8), b(11.0.0.0/8)"],
    ],
    ["a range of one address is that address", [serviceOf("a", { 90: "tcp" }, at("10.0.0.7/32"))], ["10.0.0.7:90 tcp: a"]],
    ["a headless service without workloads has none", [serviceOf("a", { 90: "tcp" }, { ...nowhere, headless: true })], []],
  ])("%s", (_what, services, listeners) => {
    expect(plan(services)).toEqual(listeners);
  });

  test("a headless service has one at each workload's address, but for HTTP", () => {
    const service = serviceOf("a", { 80: "http", 90: "tcp" }, { ...nowhere, headless: true });
    const endpoints = { [service.host]: [endpointOf("10.0.0.5"), endpointOf("10.0.0.6")] };
    expect(plan([service], { endpoints })).toEqual(["0.0.0.0:80 auto: http?", "10.0.0.5:90 tcp: a", "10.0.0.6:90 tcp: a"]);
  });

  test("a port that a Sidecar lists is its alone", () => {
    const services = [serviceOf("a", { 80: "http" }), serviceOf("b", { 80: "tcp" }, nowhere)];
    const sidecar = sidecarOf([
      [http(80), services[0]?.host ?? ""],
      [undefined, "*"],
    ]);
    expect(plan(services, { sidecar })).toEqual(["0.0.0.0:80 auto: http?"]);
  });

  test("a port that a Sidecar lists is for services that have it", () => {
    const services = [serviceOf("a", { 80: "http" }), serviceOf("b", { 81: "tcp" })];
    const sidecar = sidecarOf([
      [http(81, { protocol: "tcp" }), "*"],
      [http(82), "*"],
    ]);
    expect(plan(services, { sidecar })).toEqual(["10.96.0.1:81 tcp: b"]);
  });

  test("an HTTP proxy of a Sidecar is for all ports of its services", () => {
    const services = [serviceOf("a", { 80: "http" }), serviceOf("b", { 81: "http" })];
    const sidecar = sidecarOf([[http(3128, { httpProxy: true }), "*"]]);
    const [listener, ...others] = planOutbound(viewOf({ services, sidecar }));
    expect([listener?.port, listener?.chains.map((chain) => chain.kind === "http" && chain.allPorts), others]).toEqual([
      3128,
      ["3128"],
      [],
    ]);
  });

  test("without redirection everything listens on the loopback interface", () => {
    expect(plan([serviceOf("a", { 80: "http", 90: "tcp" })], { client: { interceptionMode: "NONE" } })).toEqual([
      "127.0.0.1:80 http: http",
      "127.0.0.1:90 tcp: a",
    ]);
  });
});
