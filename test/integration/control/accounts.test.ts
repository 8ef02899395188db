import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";
import { spiffe } from "./tasks/identity-mesh.ts";

// Whom a client of the mesh expects behind a service: the account that the objects say a workload runs under. The workload here is a server with the certificate of the account `shop`.

let workload: Server;
let mesh: RunningMesh;
let client: RunningEnvoy;

/** Each object with a field for the account, by the name of the field: a service `KIND-ACCOUNT` whose workload says that it is of this account. */
const SERVICES: Readonly<Record<string, (name: string, account: string, port: number) => string>> = {
  "WorkloadEntry's serviceAccount": (name, account, port) => `
${selecting(name, port)}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${name} }
spec: { address: 127.0.0.1, labels: { app: ${name} }, serviceAccount: ${account} }`,
  "ServiceEntry's endpoints.serviceAccount": (name, account, port) => entry(name, port, `, serviceAccount: ${account}`, ""),
  "ServiceEntry's subjectAltNames": (name, account, port) => entry(name, port, "", `, subjectAltNames: ["${spiffe("default", account)}"]`),
  "Pod's serviceAccountName": (name, account, port) => `${selecting(name, port)}${pod(name, `serviceAccountName: ${account}`)}`,
  "Pod's serviceAccount": (name, account, port) => `${selecting(name, port)}${pod(name, `serviceAccount: ${account}`)}`,
};

function selecting(name: string, port: number): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: ${port} }] }`;
}

function pod(name: string, spec: string): string {
  return `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec: { ${spec} }
status: { podIP: 127.0.0.1 }`;
}

function entry(name: string, port: number, endpoint: string, more: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  location: MESH_INTERNAL
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1${endpoint} }]${more.replace(", ", "\n  ")}`;
}

const nameOf = (index: number, account: string) => `service-${index}-${account}`;

/** Of which no rule says how it is called; by its label the workload takes mTLS. */
const located = (name: string, location: string, port: number) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example]
  location: ${location}
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, serviceAccount: shop, labels: { security.istio.io/tlsMode: istio } }]`;

const rule = (name: string, host: string) => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: istio-system }
spec: { host: "${host}", trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }`;

beforeAll(async () => {
  const { certificate: cert, key, authority: ca } = identityOf(spiffe("default", "shop"));
  workload = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true }, (_, response) => void response.end("shop"));
  await once(workload.listen(0, "127.0.0.1"), "listening");
  const { port } = workload.address() as AddressInfo;
  const services = Object.values(SERVICES).flatMap((make, index) =>
    ["shop", "other"].map((account) => make(nameOf(index, account), account, port)),
  );
  const places = [located("inside", "MESH_INTERNAL", port), located("outside", "MESH_EXTERNAL", port)];
  mesh = await RunningMesh.start({
    "mesh.yaml": [rule("kubernetes", "*.svc.cluster.local"), rule("entries", "*.test"), ...services, ...places].join(""),
  });
  const id = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";
  client = await mesh.proxyWithIdentity(id, identityOf(spiffe("default", "client")), { SERVICE_ACCOUNT: "client" });
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  workload?.closeAllConnections();
  workload?.close();
});

describe.each(Object.keys(SERVICES).map((what, index) => [what, index] as const))("%s says who a workload has to be:", (what, index) => {
  const host = (account: string) => `${nameOf(index, account)}${what.startsWith("ServiceEntry") ? ".test" : ""}`;

  test("who is it gets requests", async () => {
    expect(await client.get(`http://${host("shop")}/`)).toMatchObject({ status: 200, body: "shop" });
  });

  test("who is another gets none", async () => {
    expect((await client.get(`http://${host("other")}/`)).status).toBe(503);
  });
});

test("ServiceEntry's location: a service inside of the mesh is called by mTLS, one outside is not", async () => {
  expect(await client.get("http://inside.example/")).toMatchObject({ status: 200, body: "shop" });
  expect((await client.get("http://outside.example/")).status).not.toBe(200);
});
