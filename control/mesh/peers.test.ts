import { describe, expect, test } from "vitest";
import { objectKey, type Peer, readProxy } from "../model/index.ts";
import { meshOfYaml } from "../xds/types/testing/yaml-view.ts";
import type { Mesh } from "./mesh.ts";
import { MeshProxyView } from "./proxy-view.ts";
import { clientOf } from "../configuration/groups.ts";
import { Reads } from "./cell.ts";

const HOST = "reviews.default.svc.cluster.local";

const service = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 80 }] }
`;
const slice = `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-1, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [10.0.0.1] }]
`;
const workload = (labels: string, account = "") => `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: reviews-1 }
spec: { address: 10.0.0.1, labels: { app: reviews${labels} }${account} }
`;
const pod = `
---
apiVersion: v1
kind: Pod
metadata: { name: reviews-1, labels: { app: reviews } }
spec: { serviceAccountName: reviews, containers: [{ name: app, image: reviews }] }
status: { phase: Running, podIP: 10.0.0.1, conditions: [{ type: Ready, status: "True" }] }
`;
const policy = (spec: string) => `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: policy }
spec: ${spec}
`;

const peer = (more: Partial<Peer> = {}): Peer => ({
  id: "sidecar~10.0.0.1~reviews-1.default~default.svc.cluster.local",
  namespace: "default",
  serviceAccount: "reviews",
  labels: {},
  addresses: ["10.0.0.1"],
  identity: true,
  redirected: true,
  ...more,
});

const connected = (mesh: Mesh, ...come: readonly Peer[]) => mesh.applyPeers({ come, gone: [] });

function viewOf(mesh: Mesh, reads = new Reads()): MeshProxyView {
  const proxy = readProxy({ id: "sidecar~10.0.0.9~client.default~default.svc.cluster.local", metadata: {} });
  if (typeof proxy === "string") throw new Error(proxy);
  return new MeshProxyView(mesh, proxy, clientOf(proxy, mesh), reads);
}

const modeIn = (mesh: Mesh) =>
  viewOf(mesh)
    .endpoints(HOST)
    .map(({ tlsMode }) => tlsMode);

describe("a proxy with a certificate stands before an endpoint", () => {
  test.each<[string, string, readonly Peer[], string | undefined]>([
    ["where its label says so", workload(', security.istio.io/tlsMode: "istio"'), [], "istio"],
    ["where its entry has an account", workload("", ", serviceAccount: reviews"), [], "istio"],
    ["where such a proxy connected", workload(""), [peer()], "istio"],
    ["where such a proxy connected, and only a slice has the address", slice, [peer()], "istio"],
    ["not where nobody says so", workload(""), [], undefined],
    [
      "not where the label says that there is none, whoever connected",
      workload(", security.istio.io/tlsMode: disabled"),
      [peer()],
      "disabled",
    ],
    [
      "not where the proxy that connected has none",
      workload(', security.istio.io/tlsMode: "istio"'),
      [peer({ identity: false })],
      "disabled",
    ],
    ["not where a proxy of another namespace has the address", workload(""), [peer({ namespace: "press" })], undefined],
    ["where one of two at the address has none", workload(""), [peer(), peer({ id: "other", identity: false })], "istio"],
    ["not because a proxy says so that is none of its account", pod, [peer({ serviceAccount: "ratings" })], undefined],
    [
      "whatever proxies say that are none of its account",
      workload("", ", serviceAccount: reviews"),
      [peer({ serviceAccount: "ratings", identity: false })],
      "istio",
    ],
    [
      "where its own proxy says so, whatever others say",
      workload("", ", serviceAccount: reviews"),
      [peer(), peer({ id: "other", serviceAccount: "ratings", identity: false })],
      "istio",
    ],
  ])("%s", (_, yaml, peers, expected) => {
    expect(modeIn(connected(meshOfYaml(service + yaml), ...peers).mesh)).toEqual([expected]);
  });
});

describe("a proxy to which nothing is redirected", () => {
  const sidecar = (ingress: string, labels = "app: reviews") => `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: reviews }
spec: { workloadSelector: { labels: { ${labels} } }, ingress: [${ingress}] }
`;
  const listener = (port: number, more = "") =>
    `{ port: { number: ${port}, protocol: HTTPS, name: http }, captureMode: NONE, defaultEndpoint: "127.0.0.1:1"${more} }`;
  const listening = (more: Partial<Peer> = {}) => peer({ redirected: false, labels: { app: "reviews" }, ...more });
  const tls = ", tls: { mode: SIMPLE, privateKey: /key, serverCertificate: /cert }";

  test.each<[string, string, readonly Peer[], string | undefined]>([
    ["stands before the ports that its Sidecar has it listen on", sidecar(listener(8080)), [listening()], "istio"],
    ["and not before others", sidecar(listener(8081)), [listening()], undefined],
    ["nor where no Sidecar is for it", sidecar(listener(8080), "app: ratings"), [listening()], undefined],
    ["nor where the listener has TLS of its own", sidecar(listener(8080, tls)), [listening()], undefined],
    [
      "counts alone on its ports, whatever others there are at the address",
      sidecar(listener(8080)),
      [listening(), listening({ id: "other", labels: {}, identity: false }), peer({ id: "redirected", identity: false })],
      "istio",
    ],
    [
      "leaves other ports to the one to which all is redirected",
      sidecar(listener(8081)),
      [listening({ identity: false }), peer({ id: "redirected" })],
      "istio",
    ],
  ])("%s", (_, yaml, peers, expected) => {
    expect(modeIn(connected(meshOfYaml(service + slice + yaml), ...peers).mesh)).toEqual([expected]);
  });

  test("stands elsewhere as soon as its Sidecar says so", () => {
    const { mesh } = connected(meshOfYaml(service + slice + sidecar(listener(8080))), listening());
    const gone = mesh.apply({ upserted: [], removed: mesh.objects("Sidecar").map(objectKey) });
    expect([...gone.touched]).toEqual(expect.arrayContaining([`endpoints ${HOST}`, `identities ${HOST}`]));
    expect(modeIn(gone.mesh)).toEqual([undefined]);
    expect([mesh.peers().length, gone.mesh.peers().length]).toEqual([1, 0]);
  });
});

test("what a proxy tells touches the endpoints and identities of its services, and nothing where it makes no difference", () => {
  const mesh = meshOfYaml(service + slice);
  const first = connected(mesh, peer());
  expect([...first.touched].sort()).toEqual([`endpoints ${HOST}`, `identities ${HOST}`]);
  expect([...connected(first.mesh, peer({ id: "again" })).touched]).toEqual([]);
  expect([...connected(meshOfYaml(service + workload("")), peer({ addresses: ["10.9.9.9"] })).touched]).toEqual([]);
  const gone = first.mesh.applyPeers({ come: [], gone: [...first.mesh.peers()] });
  expect([...gone.touched].sort()).toEqual([`endpoints ${HOST}`, `identities ${HOST}`]);
  expect(modeIn(gone.mesh)).toEqual([undefined]);
});

test("the identities of a service are those of its endpoints' accounts, in every name of the trust domain", () => {
  const settings = `
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
trustDomain: td.example
trustDomainAliases: [old.example]
---
`;
  const mesh = meshOfYaml(settings + service + workload("", ", serviceAccount: reviewer"));
  expect(viewOf(mesh).identities(HOST)).toEqual({
    exact: ["spiffe://old.example/ns/default/sa/reviewer", "spiffe://td.example/ns/default/sa/reviewer"],
    prefixes: [],
  });
});

test("labels that a proxy of another account claims select no policy for the endpoint", () => {
  const yaml =
    service + workload("", ", serviceAccount: reviews") + policy("{ selector: { matchLabels: { tier: front } }, mtls: { mode: DISABLE } }");
  const modeWith = (serviceAccount: string) => {
    const view = viewOf(connected(meshOfYaml(yaml), peer({ serviceAccount, labels: { tier: "front" } })).mesh);
    return view.endpoints(HOST).map((endpoint) => view.endpointMtls(endpoint, 8080));
  };
  expect([modeWith("reviews"), modeWith("ratings")]).toEqual([["DISABLE"], ["PERMISSIVE"]]);
});

test("an endpoint whose account nobody knows may be any of its namespace", () => {
  expect(viewOf(meshOfYaml(service + slice)).identities(HOST)).toEqual({ exact: [], prefixes: ["spiffe://cluster.local/ns/default/sa/"] });
  const { mesh } = connected(meshOfYaml(service + slice), peer());
  expect(viewOf(mesh).identities(HOST)).toEqual({ exact: ["spiffe://cluster.local/ns/default/sa/reviews"], prefixes: [] });
});

test("a policy that selects by labels of the proxy alone holds for the endpoint", () => {
  const yaml = service + slice + policy("{ selector: { matchLabels: { tier: front } }, mtls: { mode: DISABLE } }");
  const { mesh } = connected(meshOfYaml(yaml), peer({ labels: { tier: "front" } }));
  const view = viewOf(mesh);
  expect(view.endpoints(HOST).map((endpoint) => view.endpointMtls(endpoint, 8080))).toEqual(["DISABLE"]);
});

test("a policy touches those who read of its namespace", () => {
  const yaml = service + slice;
  const reads = new Reads();
  const view = viewOf(meshOfYaml(yaml), reads);
  view.mtls();
  expect([...reads.cells]).toContain("peer authentications default");
  expect([...reads.cells]).toContain("peer authentications istio-system");
  expect(reads.individual).toBe(true);
});
