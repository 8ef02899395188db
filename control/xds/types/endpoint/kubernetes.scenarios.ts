import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import { Places } from "../testing/places.ts";
import { Traffic } from "../testing/traffic.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

/** What each object's fields decide, in one Envoy: who answers requests to a service, of eight. */
interface Row {
  readonly title: string;
  /** Name of the service; its port is 80, or stands behind a colon, a subset behind a slash. */
  readonly service: string;
  readonly answers: Readonly<Record<string, number>>;
}

const POD = (name: string, address: string, more: { readonly labels?: string; readonly spec?: string; readonly status?: string } = {}) => `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { ${more.labels ?? ""} } }
spec: { ${more.spec ?? "containers: [{ name: main }]"} }
status: { podIP: "${address}" ${more.status ?? ""} }`;

const SERVICE = (name: string, spec: string) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ${spec} }`;

const SLICE = (name: string, service: string, body: string, version = "v1") => `
---
apiVersion: discovery.k8s.io/${version}
kind: EndpointSlice
metadata: { name: ${name}, labels: { kubernetes.io/service-name: ${service} } }
addressType: IPv4
${body}`;

/** Where no other rule says how, hosts are taken in turn, so that counts are exact. */
const IN_TURN = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: in-turn, namespace: istio-system }
spec: { host: "*.svc.cluster.local", trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }`;

const meshOf = ({ web, other }: Places, upstream: Upstream) => `${IN_TURN}
${POD("one", "127.1.0.1", { labels: "app: pods, version: v1", spec: `nodeName: node-1, containers: [{ name: a, ports: [{ name: web, containerPort: ${web} }] }]` })}
${POD("two", "127.1.0.2", { labels: "app: pods, version: v2", spec: `nodeName: node-2, containers: [{ name: a }, { name: b, ports: [{ name: web, containerPort: ${other} }] }]` })}
${SERVICE("by-name", "selector: { app: pods }, ports: [{ port: 80, targetPort: web }]")}
${SERVICE("by-number", `selector: { app: pods }, ports: [{ port: 80, targetPort: ${other} }]`)}
${SERVICE("without-target", `selector: { app: pods }, ports: [{ port: ${web} }]`)}
${SERVICE("two-labels", "selector: { app: pods, version: v2 }, ports: [{ port: 80, targetPort: web }]")}
${SERVICE("two-ports", `selector: { app: pods, version: v1 }, ports: [{ name: http, port: 80, targetPort: web }, { name: http-2, port: 81, targetPort: ${other} }]`)}
${SERVICE("on-node", "selector: { app: pods }, internalTrafficPolicy: Local, ports: [{ port: 80, targetPort: web }]")}
${SERVICE("sticky", "selector: { app: pods }, sessionAffinity: ClientIP, ports: [{ port: 80, targetPort: web }]")}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: sticky }
spec: { host: sticky, trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } } }
${SERVICE("sticky-no-more", "selector: { app: pods }, sessionAffinity: ClientIP, ports: [{ port: 80, targetPort: web }]")}
${SERVICE("nobody", "selector: { app: nobody }, ports: [{ port: 80 }]")}
${SERVICE("with-subsets", "selector: { app: pods }, ports: [{ port: 80, targetPort: web }]")}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: with-subsets }
spec: { host: with-subsets, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } }, subsets: [{ name: second, labels: { version: v2 } }] }
${POD("init", "127.1.0.3", { labels: "app: init", spec: `initContainers: [{ name: side, ports: [{ name: web, containerPort: ${web} }] }], containers: [{ name: main }]` })}
${SERVICE("of-init", "selector: { app: init }, ports: [{ port: 80, targetPort: web }]")}
${POD("ready", "127.1.1.1", { labels: "app: life", status: ", phase: Running, conditions: [{ type: Ready, status: 'True' }]" })}
${POD("unready", "127.1.1.2", { labels: "app: life", status: ", phase: Running, conditions: [{ type: Ready, status: 'False' }]" })}
${POD("pending", "127.1.1.3", { labels: "app: life", status: ", phase: Pending" })}
${POD("succeeded", "127.1.1.4", { labels: "app: life", status: ", phase: Succeeded" })}
${POD("failed", "127.1.1.5", { labels: "app: life", status: ", phase: Failed" })}
${POD("unknown", "127.1.1.6", { labels: "app: life", status: ", phase: Unknown" })}
${POD("nowhere", "", { labels: "app: life" })}
${SERVICE("life", `selector: { app: life }, ports: [{ port: 80, targetPort: ${web} }]`)}
${SERVICE("published", `selector: { app: life }, publishNotReadyAddresses: true, ports: [{ port: 80, targetPort: ${web} }]`)}
${POD("listed", "127.1.2.9", { labels: "app: listed, version: v9", status: ', podIPs: [{ ip: "127.1.2.9" }]' })}
---
apiVersion: v1
kind: Pod
metadata: { name: of-list, labels: { app: of-list } }
status: { podIPs: [{ ip: "127.1.2.1" }, { ip: "::1" }] }
${SERVICE("of-list", `selector: { app: of-list }, ports: [{ port: 80, targetPort: ${web} }]`)}
${SERVICE("sliced", "ports: [{ name: http, port: 80 }, { name: http-2, port: 81 }]")}
${SLICE(
  "sliced-1",
  "sliced",
  `ports: [{ name: http, port: ${web} }, { name: http-2 }]
endpoints:
  - { addresses: ["127.2.0.1"], conditions: { ready: true } }
  - { addresses: ["127.2.0.2"], conditions: { ready: false } }
  - { addresses: ["127.2.0.3"], conditions: { ready: false, serving: true, terminating: true } }
  - { addresses: ["127.1.2.9"], targetRef: { kind: Pod, name: listed, namespace: default } }`,
)}
${SLICE("sliced-2", "sliced", `ports: [{ name: http, port: ${other} }]\nendpoints: [{ addresses: ["127.2.0.4"] }]`)}
${SLICE("names", "sliced", `ports: [{ name: http, port: ${web} }]\nendpoints: [{ addresses: ["127.2.0.5"] }]`).replace("IPv4", "FQDN")}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: sliced }
spec: { host: sliced, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } }, subsets: [{ name: v9, labels: { version: v9 } }] }
${SERVICE("draining", "ports: [{ port: 80 }]")}
${SLICE("draining", "draining", `ports: [{ port: ${web} }]\nendpoints: [{ addresses: ["127.2.1.1"], conditions: { ready: false, serving: true, terminating: true } }]`)}
${SERVICE("sliced-on-node", "internalTrafficPolicy: Local, ports: [{ port: 80 }]")}
${SLICE("sliced-on-node", "sliced-on-node", `ports: [{ port: ${web} }]\nendpoints: [{ addresses: ["127.2.2.1"], nodeName: node-1 }, { addresses: ["127.2.2.2"], nodeName: node-2 }]`)}
${["zone", "deprecatedTopology", "topology"].map((field) => zoned(field, web)).join("")}
${SERVICE("listed", "ports: [{ name: http, port: 80 }]")}
---
apiVersion: v1
kind: Endpoints
metadata: { name: listed }
subsets:
  - addresses: [{ ip: 127.3.0.1 }, { ip: 127.1.2.9, targetRef: { kind: Pod, name: listed, namespace: default } }]
    notReadyAddresses: [{ ip: 127.3.0.2 }]
    ports: [{ name: http, port: ${web} }]
  - { addresses: [{ ip: 127.3.0.3 }], ports: [{ name: http, port: ${other} }] }
  - { addresses: [{ ip: 127.3.0.4 }], ports: [{ name: else, port: ${other} }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: listed }
spec: { host: listed, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } }, subsets: [{ name: v9, labels: { version: v9 } }] }
${SERVICE("listed-published", "publishNotReadyAddresses: true, ports: [{ port: 80 }]")}
---
apiVersion: v1
kind: Endpoints
metadata: { name: listed-published }
subsets: [{ notReadyAddresses: [{ ip: 127.3.1.1 }], ports: [{ port: ${web} }] }]
${SERVICE("listed-on-node", "internalTrafficPolicy: Local, ports: [{ port: 80 }]")}
---
apiVersion: v1
kind: Endpoints
metadata: { name: listed-on-node }
subsets: [{ addresses: [{ ip: 127.3.2.1, nodeName: node-1 }, { ip: 127.3.2.2, nodeName: node-2 }], ports: [{ port: ${web} }] }]
${["PreferSameZone", "PreferClose", "PreferSameNode"].map((distribution) => distributed(distribution, web)).join("")}
${["Pod", "Endpoints"].map((kind) => referring(kind, web)).join("")}
${SERVICE("elsewhere", `type: ExternalName, externalName: localhost, ports: [{ port: ${web} }]`)}
${SERVICE("alias", "type: ExternalName, externalName: by-name.default.svc.cluster.local, ports: [{ port: 80 }]")}
${SERVICE(
  "spoken",
  `selector: { app: spoken }, ports: [
    { name: http-1, port: 80, targetPort: ${upstream.port} },
    { name: http2-1, port: 81, targetPort: ${upstream.port} },
    { name: grpc, port: 82, targetPort: ${upstream.port} },
    { name: tcp-1, port: 83, targetPort: ${upstream.port}, appProtocol: http2 },
    { name: http2-2, port: 84, targetPort: ${upstream.port}, appProtocol: http },
    { name: any, port: 85, targetPort: ${upstream.port}, appProtocol: kubernetes.io/h2c }]`,
)}
${POD("spoken", "127.0.0.1", { labels: "app: spoken" })}
`;

/** Endpoints of which some are in the client's zone, and one of these on its node. */
function distributed(trafficDistribution: string, port: number): string {
  const name = trafficDistribution.toLowerCase();
  const endpoints = ["zone: away", "zone: near", "zone: near, nodeName: node-2"].map(
    (more, index) => `{ addresses: ["127.2.4.${index + 1}"], ${more} }`,
  );
  const service = SERVICE(name, `trafficDistribution: ${trafficDistribution}, ports: [{ port: 80 }]`);
  return `${service}${SLICE(name, name, `ports: [{ port: ${port} }]\nendpoints: [${endpoints.join()}]`)}`;
}

/**
 * A service whose endpoint, in a slice or in an Endpoints, refers to a pod of another namespace at its address, one that refers to a pod of which nothing else is known, and one that refers to something else.
 */
function referring(kind: string, port: number): string {
  const name = `refers-${kind.toLowerCase()}`;
  const at = (last: number) => `127.3.${kind === "Pod" ? 3 : 4}.${last}`;
  const ref = (last: number, more: string) =>
    `${kind === "Pod" ? `addresses: ["${at(last)}"]` : `ip: ${at(last)}`}, targetRef: { ${more} }`;
  const list = `[{ ${ref(1, "kind: Pod, name: there, namespace: theirs")} }, { ${ref(2, "kind: Pod, name: unknown")} }, { ${ref(3, "kind: VirtualMachine, name: machine, namespace: machines")} }]`;
  const objects =
    kind === "Pod"
      ? SLICE(name, name, `ports: [{ port: ${port} }]\nendpoints: ${list}`)
      : `\n---\napiVersion: v1\nkind: Endpoints\nmetadata: { name: ${name} }\nsubsets: [{ addresses: ${list}, ports: [{ port: ${port} }] }]`;
  const pod = `\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: there, namespace: theirs, labels: { version: v7 } }\nstatus: { podIP: ${at(1)} }`;
  return `${SERVICE(name, "ports: [{ port: 80 }]")}${objects}${pod.replace("there,", `there-${kind.toLowerCase()},`)}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec: { host: ${name}, subsets: [{ name: v7, labels: { version: v7 } }] }`;
}

/** Endpoints in two zones, of which a rule prefers one. */
function zoned(field: string, port: number): string {
  const version = field === "topology" ? "v1beta1" : "v1";
  const name = `by-${field.toLowerCase()}`;
  const place = (zone: string) =>
    field === "zone" ? `zone: ${zone}` : `${field}: { topology.kubernetes.io/region: r, topology.kubernetes.io/zone: ${zone} }`;
  const endpoints = `endpoints: [{ addresses: ["127.2.3.1"], ${place("near")} }, { addresses: ["127.2.3.2"], ${place("far")} }]`;
  return `${SERVICE(name, "ports: [{ port: 80 }]")}${SLICE(name, name, `ports: [{ port: ${port} }]\n${endpoints}`, version)}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec:
  host: ${name}
  trafficPolicy:
    outlierDetection: {}
    loadBalancer: { localityLbSetting: { failoverPriority: ["topology.kubernetes.io/zone=far"] } }`;
}

const web = (...addresses: readonly string[]) => Object.fromEntries(addresses.map((address) => [`${address} web`, 8 / addresses.length]));

const ROWS: readonly Row[] = [
  { title: "targetPort by name is each pod's own", service: "by-name", answers: { "127.1.0.1 web": 4, "127.1.0.2 other": 4 } },
  { title: "targetPort by number", service: "by-number", answers: { "127.1.0.1 other": 4, "127.1.0.2 other": 4 } },
  { title: "without targetPort the port's own number", service: "without-target:web", answers: web("127.1.0.1", "127.1.0.2") },
  { title: "all labels of the selector count", service: "two-labels", answers: { "127.1.0.2 other": 8 } },
  { title: "each port has its own target", service: "two-ports:81", answers: { "127.1.0.1 other": 8 } },
  { title: "internalTrafficPolicy Local: the pods of the client's nodeName", service: "on-node", answers: { "127.1.0.2 other": 8 } },
  { title: "a subset has the pods with its labels", service: "with-subsets/second", answers: { "127.1.0.2 other": 8 } },
  { title: "a selector that picks nobody", service: "nobody", answers: { 503: 8 } },
  { title: "ports of initContainers count", service: "of-init", answers: web("127.1.0.3") },
  { title: "only pods that run and are ready", service: "life", answers: web("127.1.1.1") },
  {
    title: "publishNotReadyAddresses: also those that are not ready",
    service: "published",
    answers: web("127.1.1.1", "127.1.1.2", "127.1.1.3", "127.1.1.6"),
  },
  { title: "podIPs: the first", service: "of-list", answers: web("127.1.2.1") },
  {
    title: "slices: ready endpoints of all, each with the port of its slice",
    service: "sliced",
    answers: { "127.2.0.1 web": 3, "127.1.2.9 web": 3, "127.2.0.4 other": 2 },
  },
  { title: "slices: a port without a number is not served", service: "sliced:81", answers: { 503: 8 } },
  { title: "slices: labels are those of the pod at the address", service: "sliced/v9", answers: web("127.1.2.9") },
  { title: "slices: what drains serves where nothing else does", service: "draining", answers: web("127.2.1.1") },
  { title: "slices: nodeName counts for internalTrafficPolicy", service: "sliced-on-node", answers: web("127.2.2.2") },
  { title: "slices: a targetRef's namespace", service: "refers-pod/v7", answers: web("127.3.3.1") },
  { title: "Endpoints: a targetRef's namespace", service: "refers-endpoints/v7", answers: web("127.3.4.1") },
  { title: "Endpoints: nodeName", service: "listed-on-node", answers: web("127.3.2.2") },
  { title: "trafficDistribution PreferSameZone", service: "prefersamezone", answers: web("127.2.4.2", "127.2.4.3") },
  { title: "trafficDistribution PreferClose", service: "preferclose", answers: web("127.2.4.2", "127.2.4.3") },
  { title: "trafficDistribution PreferSameNode", service: "prefersamenode", answers: web("127.2.4.3") },
  { title: "slices: zone", service: "by-zone", answers: web("127.2.3.2") },
  { title: "slices: deprecatedTopology", service: "by-deprecatedtopology", answers: web("127.2.3.2") },
  { title: "slices: topology of v1beta1", service: "by-topology", answers: web("127.2.3.2") },
  {
    title: "Endpoints: addresses of all subsets that have the port, none that is not ready",
    service: "listed",
    answers: { "127.3.0.1 web": 3, "127.1.2.9 web": 3, "127.3.0.3 other": 2 },
  },
  { title: "Endpoints: labels are those of the pod at the address", service: "listed/v9", answers: web("127.1.2.9") },
  { title: "Endpoints: notReadyAddresses where the service publishes them", service: "listed-published", answers: web("127.3.1.1") },
  { title: "ExternalName: DNS is asked", service: "elsewhere:web", answers: web("127.0.0.1") },
  {
    title: "ExternalName that names a service of the mesh: that service's",
    service: "alias",
    answers: { "127.1.0.1 web": 4, "127.1.0.2 other": 4 },
  },
];

describe("who answers for a service of Kubernetes", () => {
  let places: Places;
  let upstream: Upstream;
  let traffic: Traffic;

  beforeAll(async () => {
    places = await Places.start();
    upstream = await startUpstream({ script: ({ protocol }) => ({ body: protocol }) });
    const view = viewOfYaml(meshOf(places, upstream), {
      metadata: { NODE_NAME: "node-2" },
      locality: { region: "", zone: "near", subZone: "" },
    });
    traffic = await Traffic.start(view);
  });
  afterAll(async () => {
    await traffic?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
    await places?.[Symbol.asyncDispose]();
  });

  const clusterOf = (service: string) => {
    const [, name = "", port = "80", subset] = /^([^:/]+)(?::([^/]+))?(?:\/(.+))?$/.exec(service) ?? [];
    return outboundCluster(`${name}.default.svc.cluster.local`, port === "web" ? places.web : Number(port), subset);
  };

  test("Envoy takes all of it", () => {
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test.each(ROWS)("$title", async ({ service, answers }) => {
    const cluster = clusterOf(service);
    await expect
      .poll(async () => Object.keys(await traffic.count(cluster, 1)), { timeout: 5_000 })
      .not.toEqual(Object.keys(answers).includes("503") ? [] : ["503"]);
    const counts = await traffic.count(cluster, 8);
    expect(Object.keys(counts).toSorted()).toEqual(Object.keys(answers).toSorted());
    // In turn, wherever the turn was.
    for (const [place, count] of Object.entries(answers)) expect(Math.abs((counts[place] ?? 0) - count)).toBeLessThanOrEqual(1);
  });

  test("a targetRef's name is that of the workload, where no pod at the address says more", async () => {
    const dump = JSON.stringify(await traffic.proxy.envoy.admin.configDump({ resource: "dynamic_endpoint_configs", includeEds: true }));
    for (const address of ["127.3.3.2", "127.3.4.2"])
      expect(dump).toMatch(new RegExp(`"address":"${address}".{0,400}"workload":"unknown;default;`));
  });

  test("a targetRef's kind is Pod, or its name is that of no workload", async () => {
    const dump = JSON.stringify(await traffic.proxy.envoy.admin.configDump({ resource: "dynamic_endpoint_configs", includeEds: true }));
    for (const address of ["127.3.3.3", "127.3.4.3"]) expect(dump).toContain(`"address":"${address}"`);
    expect(dump.match(/"workload":"machine[^"]*"/g)).toBeNull();
  });

  test("sessionAffinity ClientIP: one answers, always the same", async () => {
    expect(Object.values(await traffic.count(clusterOf("sticky"), 8))).toEqual([8]);
    // A rule that says how to balance goes before it.
    expect(Object.values(await traffic.count(clusterOf("sticky-no-more"), 8))).toEqual([4, 4]);
  });

  test.each([
    ["http-1", 80, "http/1.1"],
    ["http2-1", 81, "h2"],
    ["grpc", 82, "h2"],
    ["tcp-1 with appProtocol http2", 83, "h2"],
    ["http2-2 with appProtocol http", 84, "http/1.1"],
    ["any with appProtocol kubernetes.io/h2c", 85, "h2"],
  ])("the port %s is spoken to as its name or appProtocol says", async (_, port, protocol) => {
    expect(await traffic.get(clusterOf(`spoken:${port}`))).toMatchObject({ status: 200, body: protocol });
  });
});
