import { afterAll, beforeAll, expect, test } from "vitest";
import { keySet, sign, type SigningKey, signingKey } from "../../../filters/authentication/tokens.mts";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { until } from "../until.ts";
import { getAt } from "./client.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";

// An issuer that tells itself where its keys are (OpenID discovery): the control service asks it, and proxies fetch the keys.

const SIDECAR = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local";

let mesh: RunningMesh;
let sidecar: RunningEnvoy;
let app: Upstream;
let provider: Upstream;
let key: SigningKey;
let tells = true;

/** A service of the mesh, whose name no DNS knows. */
const ISSUER = "http://accounts.test:8080/tenant";

const yaml = () => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: accounts }
spec:
  hosts: [accounts.test]
  ports: [{ number: 8080, name: http, protocol: HTTP, targetPort: ${provider.port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec:
  ingress: [{ port: { number: 9080, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:${app.port}" }]
  egress: [{ hosts: ["./*"] }]
`;
const policy = `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: accounts }
spec: { jwtRules: [{ issuer: "${ISSUER}" }] }
`;

const status = async () => {
  const token = await sign(key, { iss: ISSUER });
  return (await getAt(sidecar.inbound("10.0.0.1:9080"), "app.test", "/", [`authorization: Bearer ${token}`])).status;
};
const told = () => mesh.service.problems().map(({ level, code, message }) => `${level} ${code} ${message}`);
const passes = () => until("tokens of the issuer pass", status, (each) => each === 200);

beforeAll(async () => {
  key = await signingKey("ES256");
  app = await startUpstream();
  provider = await startUpstream({
    script: ({ path }) => {
      if (path === "/tenant/keys") return { body: keySet(key) };
      if (path !== "/tenant/.well-known/openid-configuration" || !tells) return { status: 503 };
      return { body: JSON.stringify({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` }) };
    },
  });
  mesh = await RunningMesh.start({ "mesh.yaml": yaml(), "policy.yaml": "" }, { keepsState: true });
  sidecar = await mesh.proxy(SIDECAR);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await provider?.[Symbol.asyncDispose]();
  await app?.[Symbol.asyncDispose]();
});

test("an issuer that tells nothing has its tokens refused, and it is said; as soon as it tells, they pass", async () => {
  tells = false;
  await mesh.apply({ "policy.yaml": policy });
  const why = `error MW0014 every token of this issuer is refused: ${ISSUER} does not tell where its keys are: status 503; it is asked again, or write jwksUri or jwks`;
  await until(
    "the issuer has been asked",
    async () => told(),
    (problems) => problems.includes(why),
  );
  expect(await status()).toBe(401);
  tells = true;
  await passes();
  expect(told()).toEqual([]);
});

test("after a restart tokens pass at once, though the issuer is out", async () => {
  tells = false;
  await mesh.stopControl();
  await mesh.startControl();
  await mesh.connected(SIDECAR);
  expect(await status()).toBe(200);
  await until(
    "the issuer has been asked",
    async () => told(),
    (problems) => problems.length > 0,
  );
  expect(told()).toEqual([
    `warning MW0012 ${ISSUER} does not tell where its keys are: status 503; what it told before, ${ISSUER}/keys, stays in force`,
  ]);
  expect(await status()).toBe(200);
});

test("where the policy goes, nobody is asked any more, and tokens are nobody's business", async () => {
  await mesh.apply({ "policy.yaml": "" });
  expect([told(), await status()]).toEqual([[], 200]);
});
