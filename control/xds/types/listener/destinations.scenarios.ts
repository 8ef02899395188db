import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { XDS_TYPES } from "../index.ts";
import { Places } from "../testing/places.ts";
import { httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

const SERVICE = (name: string, spec: string, app = "bytes") => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${app} }, ${spec} }`;

const ENTRY = (name: string, spec: string) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec: { hosts: [${name}.test], ${spec} }`;

/** Nothing that is not registered is reached, so that what is reached is so by its service. */
const meshOf = ({ web, other }: Places) => `
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
outboundTrafficPolicy: { mode: REGISTRY_ONLY }
---
apiVersion: v1
kind: Pod
metadata: { name: bytes, labels: { app: bytes } }
status: { podIP: 127.7.0.1 }
${[1, 2, 3]
  .map(
    (last) =>
      `---\napiVersion: v1\nkind: Pod\nmetadata: { name: several-${last}, labels: { app: several } }\nstatus: { podIP: 127.7.2.${last} }`,
  )
  .join("\n")}
${SERVICE("one-address", `clusterIP: 10.9.0.1, ports: [{ name: tcp, port: 1000, targetPort: ${other} }]`)}
${SERVICE("addresses", `clusterIP: 10.9.0.2, clusterIPs: [10.9.0.2, 10.9.0.3], ports: [{ name: tcp, port: 1000, targetPort: ${web} }]`)}
${SERVICE("node-port", `type: NodePort, clusterIP: 10.9.0.4, ports: [{ name: tcp, port: 1000, targetPort: ${web}, nodePort: 30000 }]`)}
${SERVICE("load-balancer", `type: LoadBalancer, clusterIP: 10.9.0.5, ports: [{ name: tcp, port: 1000, targetPort: ${web} }]`)}
${SERVICE("udp", `clusterIP: 10.9.0.6, ports: [{ name: dns, port: 1000, targetPort: ${web}, protocol: UDP }]`)}
${SERVICE("headless", `clusterIP: None, ports: [{ name: tcp, port: ${other} }]`, "several")}
${ENTRY("range", `addresses: [10.9.1.0/24], ports: [{ number: 1000, name: tcp, protocol: TCP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.7.0.2 }]`)}
${ENTRY("range-2", `addresses: [10.9.3.1, "fd00::3:1"], ports: [{ number: 1000, name: tcp, protocol: TCP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.7.0.4 }]`)}
${ENTRY("none", `ports: [{ number: ${web}, name: http, protocol: HTTP }], resolution: NONE`)}
${ENTRY("none-range", `addresses: [127.8.0.0/16], ports: [{ number: 3000, name: tcp, protocol: TCP, targetPort: ${other} }, { number: ${other}, name: tcp-2, protocol: TCP }], resolution: NONE`)}
${ENTRY("passed", `ports: [{ number: ${web}, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 127.7.0.3 }]`)}
${ENTRY("not-passed", `ports: [{ number: ${web}, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 127.7.0.3 }]`)}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: passed }
spec: { host: passed.test, trafficPolicy: { loadBalancer: { simple: PASSTHROUGH } } }
`;

describe("where connections to a service's addresses end", () => {
  let places: Places;
  let proxy: RunningProxy;

  beforeAll(async () => {
    places = await Places.start();
    proxy = await RunningProxy.start({ view: viewOfYaml(meshOf(places)), types: XDS_TYPES });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await places?.[Symbol.asyncDispose]();
  });

  test("Envoy takes all of it", () => {
    expect(proxy.refusals()).toEqual([]);
  });

  /** @param destination `IP:PORT`, the port by its name where the places have one; what answers, by its body or status */
  async function answer(destination: string, host: string): Promise<string> {
    const { web, other } = places;
    const place = destination.replace(/web$/, String(web)).replace(/other$/, String(other));
    const text = await proxy.redirected("outbound", place, httpRequest(host));
    return /127\.\d+\.\d+\.\d+ (?:web|other)/.exec(text)?.[0] ?? /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? text;
  }

  test.each([
    ["clusterIP", "10.9.0.1:1000", "x", "127.7.0.1 other"],
    ["clusterIPs: the first", "10.9.0.2:1000", "x", "127.7.0.1 web"],
    ["clusterIPs: and the others", "10.9.0.3:1000", "x", "127.7.0.1 web"],
    ["type NodePort", "10.9.0.4:1000", "x", "127.7.0.1 web"],
    ["type LoadBalancer", "10.9.0.5:1000", "x", "127.7.0.1 web"],
    ["a port of UDP is not proxied", "10.9.0.6:1000", "x", "reset"],
    ["headless: the pod that the client chose", "127.7.2.1:other", "x", "127.7.2.1 other"],
    ["headless: another that it chose", "127.7.2.2:other", "x", "127.7.2.2 other"],
    ["headless: a third", "127.7.2.3:other", "x", "127.7.2.3 other"],
    ["addresses of a ServiceEntry: a range", "10.9.1.77:1000", "x", "127.7.0.2 web"],
    ["addresses of a ServiceEntry: one, on the same port", "10.9.3.1:1000", "x", "127.7.0.4 web"],
    ["outside of the range", "10.9.2.1:1000", "x", "reset"],
    ["resolution NONE, by host: where the client wanted to go", "127.7.1.1:web", "none.test", "127.7.1.1 web"],
    ["resolution NONE, by range: where the client wanted to go", "127.8.0.9:other", "x", "127.8.0.9 other"],
    ["PASSTHROUGH: where the client wanted to go", "127.7.1.2:web", "passed.test", "127.7.1.2 web"],
    ["without it: the endpoint", "127.7.1.2:web", "not-passed.test", "127.7.0.3 web"],
    ["another host on that port", "127.7.1.2:web", "else.test", "502"],
  ])("%s", async (_, destination, host, expected) => {
    expect(await answer(destination, host)).toBe(expected);
  });
});
