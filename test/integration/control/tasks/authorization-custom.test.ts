import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkResponse, readCheckRequest } from "../../../../filters/testing/ext-authz.ts";
import { type RecordedRequest, startUpstream, type Upstream, type UpstreamAnswer } from "../../../../harness/upstreams/index.ts";
import { Caller, HTTPBIN, policy } from "./authorization.ts";
import { IdentityMesh } from "./identity-mesh.ts";

// Istio's task "External Authorization": a program of one's own decides, over HTTP or gRPC, about one path. As there, it allows what says `x-ext-authz: allow`.

const HEADER = "x-ext-authz";
let mesh: IdentityMesh;
let call: Caller;
let authorizer: Upstream;

const denied = (why: string) => `denied by ext_authz for not found header \`${HEADER}: allow\` in the ${why}`;

function decide({ protocol, headers, body }: RecordedRequest): UpstreamAnswer {
  if (protocol !== "grpc") {
    const allowed = headers.some(([name, value]) => name.toLowerCase() === HEADER && value === "allow");
    return allowed ? { status: 200, headers: [["x-ext-authz-check-result", "allowed"]] } : { status: 403, body: denied("request") };
  }
  const allowed = readCheckRequest(body.subarray(5)).headers[HEADER] === "allow";
  const answer = checkResponse(allowed ? { code: 0 } : { code: 7, denied: { status: 403, body: denied("request") } });
  return { messages: [{ base64: Buffer.from(answer).toString("base64") }] };
}

const objects = () => `
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
extensionProviders:
  - name: sample-ext-authz-grpc
    envoyExtAuthzGrpc: { service: ext-authz.foo.svc.cluster.local, port: 9000 }
  - name: sample-ext-authz-http
    envoyExtAuthzHttp: { service: ext-authz.foo.svc.cluster.local, port: 8000, includeRequestHeadersInCheck: [${HEADER}] }
---
apiVersion: v1
kind: Service
metadata: { name: ext-authz, namespace: foo }
spec: { selector: { app: ext-authz }, ports: [{ name: http, port: 8000 }, { name: grpc, port: 9000 }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ext-authz-1, namespace: foo }
spec: { address: 127.0.0.1, ports: { http: ${authorizer.port}, grpc: ${authorizer.port} }, labels: { app: ext-authz, security.istio.io/tlsMode: disabled } }
`;
const extAuthz = (provider: string) =>
  policy(
    "ext-authz",
    `{ ${HTTPBIN}, action: CUSTOM, provider: { name: ${provider} }, rules: [{ to: [{ operation: { paths: ["/headers"] } }] }] }`,
  );

beforeAll(async () => {
  authorizer = await startUpstream({ script: decide });
  mesh = await IdentityMesh.start();
  call = new Caller(mesh);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await authorizer?.[Symbol.asyncDispose]();
});

describe.each(["sample-ext-authz-http", "sample-ext-authz-grpc"])("%s", (provider) => {
  test("denies, allows, and is not asked about other paths", async () => {
    await mesh.apply(objects() + extAuthz(provider));
    expect(await call.get("bar", "/headers", [`${HEADER}: deny`])).toBe(403);
    expect(await call.body("bar", "/headers")).toBe(denied("request"));
    expect(await call.get("bar", "/headers", [`${HEADER}: allow`])).toBe(200);
    const asked = authorizer.requests.length;
    expect(await call.get("bar", "/ip")).toBe(200);
    expect(authorizer.requests.length).toBe(asked);
  });
});

test("a provider that nobody defined denies what it would have been asked about", async () => {
  await mesh.apply(objects() + extAuthz("sample-ext-authz"));
  expect([await call.get("bar", "/headers", [`${HEADER}: allow`]), await call.get("bar", "/ip")]).toEqual([403, 200]);
  const problems = mesh.mesh.service.problems().filter(({ level }) => level === "error");
  expect(problems.map(({ message }) => message)).toEqual([
    'MeshConfig has no extension provider "sample-ext-authz"; there are sample-ext-authz-grpc, sample-ext-authz-http; what the rules match is denied',
  ]);
});
