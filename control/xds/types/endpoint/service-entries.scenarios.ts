import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import { Places } from "../testing/places.ts";
import { Traffic } from "../testing/traffic.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

/** A ServiceEntry for `NAME.test`. @param spec without hosts */
const ENTRY = (name: string, spec: string, { hosts = `["${name}.test"]`, namespace = "default" } = {}) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: ${namespace} }
spec: { hosts: ${hosts}, ${spec} }`;

const WORKLOAD = (name: string, spec: string, namespace = "default") => `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${spec} }`;

const RULE = (name: string, trafficPolicy: string, more = "") => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec: { host: ${name}.test, trafficPolicy: { ${trafficPolicy} } ${more} }`;

/** Where no other rule says how, hosts are taken in turn, so that counts are exact. */
const IN_TURN = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: in-turn, namespace: istio-system }
spec: { host: "*.test", trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }`;

const PORT = "ports: [{ number: 80, name: http, protocol: HTTP }], resolution: STATIC";

const meshOf = ({ web, other }: Places, socket: string) => `${IN_TURN}
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
defaultServiceExportTo: ["."]
${ENTRY("listed", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.4.0.1 }, { address: 127.4.0.2 }]`)}
${ENTRY("own-ports", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.4.0.1, ports: { http: ${other} } }, { address: 127.4.0.2 }]`)}
${ENTRY("without-target", `ports: [{ number: ${web}, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 127.4.0.1 }]`)}
${ENTRY("two-ports", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }, { number: 81, name: http-2, protocol: HTTP, targetPort: ${other} }], resolution: STATIC, endpoints: [{ address: 127.4.0.1 }]`)}
${ENTRY("several", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.4.0.3 }]`, { hosts: '["first.test", "second.test", "*.wild.test"]' })}
${ENTRY("weighted", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.4.0.1, weight: 3 }, { address: 127.4.0.2 }]`)}
${ENTRY("labelled", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.4.0.1, labels: { version: v1 } }, { address: 127.4.0.2, labels: { version: v2 } }]`)}
${RULE("labelled", "loadBalancer: { simple: ROUND_ROBIN }", ", subsets: [{ name: v2, labels: { version: v2 } }, { name: all, labels: {} }]")}
${ENTRY("located", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.4.0.1, locality: eu/a/1 }, { address: 127.4.0.2, locality: us/a }, { address: 127.4.0.3, labels: { topology.kubernetes.io/region: us, topology.kubernetes.io/zone: b } }]`)}
${RULE("located", 'loadBalancer: { simple: ROUND_ROBIN, localityLbSetting: { distribute: [{ from: "*", to: { "us/*": 100 } }] } }')}
${ENTRY("networks", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.4.0.1, network: elsewhere }, { address: 127.4.0.2, network: home }]`)}
${RULE("networks", "outlierDetection: {}, loadBalancer: { localityLbSetting: { failoverPriority: [topology.istio.io/network] } }")}
${ENTRY("socket", `ports: [{ number: 80, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: "unix://${socket}" }]`)}
${ENTRY("nobody", PORT)}
${ENTRY("by-dns", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: DNS, endpoints: [{ address: localhost, ports: { http: ${other} } }, { address: 127.4.0.4 }]`)}
${ENTRY("by-first-of-dns", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: DNS_ROUND_ROBIN, endpoints: [{ address: localhost }]`)}
${ENTRY("itself", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: DNS`, { hosts: '["self.localhost"]' })}
${WORKLOAD("one", `address: 127.5.0.1, ports: { http: ${other} }, labels: { app: selected, version: v1 }`)}
${WORKLOAD("two", "address: 127.5.0.2, labels: { app: selected, version: v2 }, weight: 3")}
${WORKLOAD("three", "address: 127.5.0.3, labels: { app: other }")}
${WORKLOAD("four", "address: 127.5.0.4, labels: { app: selected }", "elsewhere")}
---
apiVersion: v1
kind: Pod
metadata: { name: pod, labels: { app: with-pods, version: v1 } }
status: { podIP: 127.5.0.5 }
${WORKLOAD("beside-pod", "address: 127.5.0.6, labels: { app: with-pods, version: v2 }")}
${ENTRY("selected", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, workloadSelector: { labels: { app: selected } }`)}
${RULE("selected", "loadBalancer: { simple: ROUND_ROBIN }", ", subsets: [{ name: v1, labels: { version: v1 } }]")}
${ENTRY("pods", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: { labels: { app: with-pods } }`)}
${WORKLOAD("located-1", "address: 127.5.1.1, locality: eu/a, labels: { app: places }")}
${WORKLOAD("located-2", "address: 127.5.1.2, locality: us/a, network: home, labels: { app: places }")}
${ENTRY("places", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, workloadSelector: { labels: { app: places } }`)}
${WORKLOAD("of-network-1", "address: 127.5.2.1, network: elsewhere, labels: { app: of-networks }")}
${WORKLOAD("of-network-2", "address: 127.5.2.2, network: home, labels: { app: of-networks }")}
${ENTRY("of-networks", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, workloadSelector: { labels: { app: of-networks } }`)}
${RULE("of-networks", "outlierDetection: {}, loadBalancer: { localityLbSetting: { failoverPriority: [topology.istio.io/network] } }")}
${RULE("places", 'loadBalancer: { localityLbSetting: { distribute: [{ from: "*", to: { "us/*": 100 } }] } }')}
---
apiVersion: v1
kind: Service
metadata: { name: with-machines }
spec: { selector: { app: selected }, ports: [{ name: http, port: 80, targetPort: ${web} }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: with-machines }
spec: { host: with-machines, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }
${ENTRY("private", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, exportTo: ["."], endpoints: [{ address: 127.4.0.1 }]`, { namespace: "elsewhere" })}
${ENTRY("exported", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, exportTo: [default], endpoints: [{ address: 127.4.0.1 }]`, { namespace: "elsewhere" })}
${ENTRY("public", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, exportTo: ["*"], endpoints: [{ address: 127.4.0.1 }]`, { namespace: "elsewhere" })}
${ENTRY("by-default", `ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.4.0.1 }]`, { namespace: "elsewhere" })}
${ENTRY("udp", `ports: [{ number: 53, name: udp-dns, protocol: UDP }, { number: 80, name: http, protocol: HTTP, targetPort: ${web} }], resolution: STATIC, endpoints: [{ address: 127.4.0.1 }]`)}
`;

interface Row {
  readonly title: string;
  /** A host; its port is 80, or stands behind a colon, a subset behind a slash. */
  readonly host: string;
  /** Of eight requests. */
  readonly answers: Readonly<Record<string, number>>;
}

const web = (...addresses: readonly string[]) => Object.fromEntries(addresses.map((address) => [`${address} web`, 8 / addresses.length]));

const ROWS: readonly Row[] = [
  { title: "STATIC: the endpoints, on targetPort", host: "listed.test", answers: web("127.4.0.1", "127.4.0.2") },
  { title: "an endpoint's own number by the port's name", host: "own-ports.test", answers: { "127.4.0.1 other": 4, "127.4.0.2 web": 4 } },
  { title: "without targetPort the port's number", host: "without-target.test:web", answers: web("127.4.0.1") },
  { title: "each port its own target", host: "two-ports.test:81", answers: { "127.4.0.1 other": 8 } },
  { title: "each host of several", host: "second.test", answers: web("127.4.0.3") },
  { title: "a wildcard among them", host: "*.wild.test", answers: web("127.4.0.3") },
  { title: "weights", host: "weighted.test", answers: { "127.4.0.1 web": 6, "127.4.0.2 web": 2 } },
  { title: "labels, for subsets", host: "labelled.test/v2", answers: web("127.4.0.2") },
  { title: "a subset without labels has all", host: "labelled.test/all", answers: web("127.4.0.1", "127.4.0.2") },
  { title: "locality, or the labels of the place", host: "located.test", answers: web("127.4.0.2", "127.4.0.3") },
  { title: "network, which is near where it is the client's", host: "networks.test", answers: web("127.4.0.2") },
  { title: "a unix socket", host: "socket.test", answers: { socket: 8 } },
  { title: "no endpoints", host: "nobody.test", answers: { 503: 8 } },
  { title: "DNS: all names and addresses", host: "by-dns.test", answers: { "127.0.0.1 other": 4, "127.4.0.4 web": 4 } },
  { title: "DNS_ROUND_ROBIN: the first address", host: "by-first-of-dns.test", answers: web("127.0.0.1") },
  { title: "DNS without endpoints: the host itself", host: "self.localhost", answers: web("127.0.0.1") },
  {
    title: "workloadSelector: WorkloadEntries of the namespace, with their ports and weights",
    host: "selected.test",
    answers: { "127.5.0.1 other": 2, "127.5.0.2 web": 6 },
  },
  { title: "workloadSelector: their labels, for subsets", host: "selected.test/v1", answers: { "127.5.0.1 other": 8 } },
  { title: "workloadSelector: pods too", host: "pods.test", answers: web("127.5.0.5", "127.5.0.6") },
  { title: "WorkloadEntry: network", host: "of-networks.test", answers: web("127.5.2.2") },
  { title: "WorkloadEntry: locality", host: "places.test", answers: web("127.5.1.2") },
  {
    title: "a Service's selector picks WorkloadEntries too",
    host: "with-machines.default.svc.cluster.local",
    answers: { "127.5.0.1 other": 2, "127.5.0.2 web": 6 },
  },
  { title: "exportTo: to this namespace", host: "exported.test", answers: web("127.4.0.1") },
  { title: "exportTo: to all, which is not the mesh's default", host: "public.test", answers: web("127.4.0.1") },
  { title: "exportTo: not to this namespace", host: "private.test", answers: { 503: 8 } },
  { title: "without exportTo: as the mesh has it", host: "by-default.test", answers: { 503: 8 } },
  { title: "beside a port of UDP", host: "udp.test", answers: web("127.4.0.1") },
];

describe("who answers for a ServiceEntry", () => {
  let places: Places;
  let socket: Upstream;
  let folder: string;
  let traffic: Traffic;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "entries-"));
    const path = join(folder, "app.sock");
    socket = await startUpstream({ path, script: () => ({ body: "socket" }) });
    places = await Places.start();
    traffic = await Traffic.start(viewOfYaml(meshOf(places, path), { metadata: { NETWORK: "home" } }));
  });
  afterAll(async () => {
    await traffic?.[Symbol.asyncDispose]();
    await socket?.[Symbol.asyncDispose]();
    await places?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const clusterOf = (text: string) => {
    const [, host = "", port = "80", subset] = /^([^:/]+)(?::([^/]+))?(?:\/(.+))?$/.exec(text) ?? [];
    return outboundCluster(host, port === "web" ? places.web : Number(port), subset);
  };

  test("Envoy takes all of it", () => {
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test.each(ROWS)("$title", async ({ host, answers }) => {
    const cluster = clusterOf(host);
    const isServed = !("503" in answers);
    // Names are asked for while Envoy serves.
    if (isServed) await expect.poll(async () => Object.keys(await traffic.count(cluster, 1)), { timeout: 10_000 }).not.toEqual(["503"]);
    const counts = await traffic.count(cluster, 8);
    expect(Object.keys(counts).toSorted()).toEqual(Object.keys(answers).toSorted());
    // In turn, wherever the turn was.
    for (const [place, count] of Object.entries(answers)) expect(Math.abs((counts[place] ?? 0) - count)).toBeLessThanOrEqual(1);
  });

  test("a host that is not seen has no cluster, one without endpoints an empty one", async () => {
    expect(await traffic.get(clusterOf("private.test"))).toMatchObject({ status: 503, body: "" });
    expect(await traffic.get(clusterOf("nobody.test"))).toMatchObject({ status: 503, body: "no healthy upstream" });
    expect(await traffic.get(clusterOf("udp.test:53"))).toMatchObject({ status: 503, body: "" });
  });
});
