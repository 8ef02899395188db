import { describe, expect, test } from "vitest";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { sidecar } from "./index.ts";

const document = (apiVersion: string, kind: string, name: string, namespace: string, spec: object) =>
  `---\n${JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, spec }, undefined, 1)}\n`;
const istio = (kind: string, name: string, spec: object, namespace = "default") =>
  document("networking.istio.io/v1", kind, name, namespace, spec);

const sidecarOf = (name: string, spec: object = {}, namespace = "default") =>
  istio("Sidecar", name, { egress: [{ hosts: ["./*"] }], ...spec }, namespace);
const selecting = (labels: object) => ({ workloadSelector: { labels } });
const workload = (name: string, labels: object, namespace = "default") =>
  istio("WorkloadEntry", name, { address: "10.0.0.2", labels }, namespace);
const service = (name: string, namespace = "default") =>
  document("v1", "Service", name, namespace, { clusterIP: "10.96.0.1", ports: [{ name: "http", port: 80 }] });

/** Level, code, path and message of each problem; lines differ with the order of objects. */
const problems = (...yaml: readonly string[]) =>
  problemsInMesh(sidecar, yaml.join("")).map((text) => text.replace(/^mesh\.yaml:\d+:\d+: /, ""));

describe("workloads of a Sidecar", () => {
  test("are missed where others are known", () => {
    const client = sidecarOf("client", selecting({ app: "client" }));
    expect(problems(client)).toEqual([]);
    expect(problems(client, workload("client-1", { app: "client" }))).toEqual([]);
    const missing = "warning IST0101 spec.workloadSelector: no workload of namespace default has these labels";
    expect(problems(client, workload("other-1", { app: "other" }))).toEqual([missing]);
    expect(problems(client, workload("client-1", { app: "client" }, "elsewhere"))).toEqual([missing]);
  });

  test("are selected by one alone", () => {
    const both = [sidecarOf("a", selecting({ app: "client" })), sidecarOf("b", selecting({ version: "v1" }))];
    const client = workload("client-1", { app: "client", version: "v1" });
    expect(problems(...both, client)).toEqual([
      "error IST0110 spec.workloadSelector: Sidecar b selects workload client-1 too; the older one counts",
      "error IST0110 spec.workloadSelector: Sidecar a selects workload client-1 too; the older one counts",
    ]);
    expect(problems(...both, workload("client-1", { app: "client" }), workload("client-2", { version: "v1" }))).toEqual([]);
  });

  test("without a Sidecar of their own have one of their namespace alone", () => {
    expect(problems(sidecarOf("a"), sidecarOf("b"))).toEqual([
      "error IST0111 metadata.name: Sidecar b is for the whole of namespace default too; the older one counts",
      "error IST0111 metadata.name: Sidecar a is for the whole of namespace default too; the older one counts",
    ]);
    expect(problems(sidecarOf("a"), sidecarOf("b", {}, "other"))).toEqual([]);
    expect(problems(sidecarOf("a"), sidecarOf("b", selecting({ app: "client" })))).toEqual([]);
  });

  test("are all where the selector has no labels", () => {
    expect(problems(sidecarOf("a"), sidecarOf("b", selecting({})))).toHaveLength(2);
  });
});

describe("hosts that a Sidecar imports", () => {
  const importing = (...hosts: readonly string[]) => sidecarOf("client", { egress: [{ hosts }] });
  const REVIEWS = "reviews.default.svc.cluster.local";

  test.each([
    `./${REVIEWS}`,
    `default/${REVIEWS}`,
    `*/${REVIEWS}`,
    "./*.default.svc.cluster.local",
    "*/*",
    "~/*",
    "~/anything.example.com",
    "./*.nobody.example.com",
  ])("are there: %s", (host) => {
    expect(problems(importing(host), service("reviews"))).toEqual([]);
  });

  test("are there where a VirtualService or a wildcard of a ServiceEntry has them", () => {
    const routed = istio("VirtualService", "virtual", { hosts: ["virtual.test"], http: [{ directResponse: { status: 200 } }] });
    expect(problems(importing("./virtual.test"), routed)).toEqual([]);
    const entry = istio("ServiceEntry", "all", {
      hosts: ["*.example.com"],
      ports: [{ number: 80, name: "http", protocol: "HTTP" }],
      resolution: "NONE",
    });
    expect(problems(importing("./api.example.com"), entry)).toEqual([]);
  });

  test.each([
    [`other/${REVIEWS}`, `there is no host ${REVIEWS} in namespace other`],
    ["./missing.example.com", "there is no host missing.example.com in namespace default"],
    ["*/missing.example.com", "there is no host missing.example.com in any namespace"],
  ])("are not there: %s", (host, message) => {
    expect(problems(importing("./*", host), service("reviews"))).toEqual([`warning IST0101 spec.egress[0].hosts[1]: ${message}`]);
  });

  test.each<[protocol: string, port: number, wrong: boolean]>([
    ["HTTP", 80, false],
    ["HTTP", 81, true],
    ["TCP", 81, true],
    ["HTTP_PROXY", 3128, false],
  ])("with a port: %s %i", (protocol, number, wrong) => {
    const listed = sidecarOf("client", { egress: [{ port: { number, protocol, name: "port" }, hosts: ["./*"] }] });
    const message = `warning IST0101 spec.egress[0].port.number: no service that this listener imports has port ${number}, so nobody listens there`;
    expect(problems(listed, service("reviews"))).toEqual(wrong ? [message] : []);
  });

  test("of its egress proxy", () => {
    const through = (egressProxy: object) => sidecarOf("client", { outboundTrafficPolicy: { mode: "ALLOW_ANY", egressProxy } });
    const path = "error IST0101 spec.outboundTrafficPolicy.egressProxy";
    expect(problems(through({ host: REVIEWS, port: { number: 80 } }), service("reviews"))).toEqual([]);
    expect(problems(through({ host: REVIEWS, port: { number: 81 } }), service("reviews"))).toEqual([
      `${path}.port: ${REVIEWS} has no port 81`,
    ]);
    expect(problems(through({ host: "gone.example.com", port: { number: 80 } }))).toEqual([
      `${path}.host: there is no host gone.example.com`,
    ]);
    const subset = { host: REVIEWS, port: { number: 80 }, subset: "v1" };
    expect(problems(through(subset), service("reviews"))).toEqual([`${path}.subset: no DestinationRule for ${REVIEWS} has a subset v1`]);
    const rule = istio("DestinationRule", "reviews", { host: "reviews", subsets: [{ name: "v1", labels: { version: "v1" } }] });
    expect(problems(through(subset), service("reviews"), rule)).toEqual([]);
  });
});

describe("ports of a Sidecar's ingress", () => {
  const taking = (...ports: readonly number[]) =>
    sidecarOf("app", {
      ...selecting({ app: "app" }),
      ingress: ports.map((number) => ({ port: { number, protocol: "HTTP", name: `p-${number}` } })),
    });
  const app = workload("app-1", { app: "app" });
  const before = document("v1", "Service", "app", "default", {
    selector: { app: "app" },
    clusterIP: "10.96.0.2",
    ports: [
      { name: "http", port: 80, targetPort: 8080 },
      { name: "more", port: 81 },
    ],
  });

  test("are all that clients of the workload's services reach", () => {
    expect(problems(taking(8080, 81), app, before)).toEqual([]);
    expect(problems(taking(8080), app)).toEqual([]);
    expect(problems(taking(8080), app, before)).toEqual([
      "warning MW0011 spec.ingress: Service default/app sends its port 81 to 81 of workload app-1, which no listener here is for: connections pass as to a port that nobody speaks of",
    ]);
  });
});
