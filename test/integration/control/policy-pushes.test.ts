import { expect, test } from "vitest";
import { ISSUER, keySet, sign, signingKey } from "../../../filters/authentication/tokens.mts";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { until } from "../until.ts";
import { Client } from "./client.ts";
import { ask, IdentityMesh, spiffe } from "./tasks/identity-mesh.ts";

/** A soak has more of them. */
const PUSHES = Number(process.env["MESHWRIGHT_POLICY_PUSHES"] ?? 100);

const policy = (name: string, spec: string, { namespace = "foo", kind = "AuthorizationPolicy", dryRun = false } = {}) => `
---
apiVersion: security.istio.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace}${dryRun ? ', annotations: { istio.io/dry-run: "true" }' : ""} }
spec: ${spec}
`;

/**
 * What whoever edits policies does: rules move between policies, from ALLOW to DENY, from the namespace to the workload and the mesh; names and sources come and go. In every version `/good` is allowed and `/bad` is
 * not, `/mine` is for callers of namespace bar, `/token` for who has a token of the issuer, and the port of bytes for callers with a certificate; all else is now one way and now the other.
 */
function version(push: number, ports: { readonly bytes: number }, jwks: string): string {
  const allowed = `{ to: [{ operation: { paths: [/good, "/good/v${push}"] } }] }`;
  const mine = [
    `{ from: [{ source: { namespaces: [bar] } }], to: [{ operation: { paths: [/mine] } }] }`,
    `{ from: [{ source: { principals: ["cluster.local/ns/bar/sa/httpbin"] } }], to: [{ operation: { paths: ["/mi*"] } }] }`,
    `{ from: [{ source: { serviceAccounts: [bar/httpbin] } }], to: [{ operation: { methods: [GET], paths: [/mine] } }] }`,
  ][push % 3];
  const token = `{ from: [{ source: { requestPrincipals: ["${ISSUER}/*"] } }], to: [{ operation: { paths: [/token] } }] }`;
  const bytes = `{ from: [{ source: { principals: ["*"] } }], to: [{ operation: { ports: ["${ports.bytes}"] } }] }`;
  const selector = "selector: { matchLabels: { app: httpbin } }";
  const issuers = push % 4 < 2 ? "" : `, { issuer: "https://other-${push}.example.com", jwks: '${jwks}' }`;
  const authentication = policy(
    "tokens",
    `{ jwtRules: [{ issuer: "${ISSUER}", jwks: '${jwks}', audiences: [shop, v${push}] }${issuers}] }`,
    {
      kind: "RequestAuthentication",
    },
  );
  const shapes = [
    // One ALLOW policy of the namespace.
    () => policy("all", `{ rules: [${allowed}, ${mine}, ${token}, ${bytes}] }`),
    // Several, of the workload, the namespace and the mesh.
    () =>
      policy("good", `{ ${selector}, rules: [${allowed}] }`) +
      policy(`mine-${push % 2}`, `{ rules: [${mine}, ${bytes}] }`) +
      policy("token", `{ rules: [${token}] }`, { namespace: "istio-system" }),
    // What is not allowed is denied by DENY, and all else allowed.
    () =>
      policy("all", "{ rules: [{}] }") +
      policy("bad", `{ action: DENY, rules: [{ to: [{ operation: { paths: [/bad], notPorts: ["${ports.bytes}"] } }] }] }`) +
      policy(
        "not-mine",
        `{ ${selector}, action: DENY, rules: [{ from: [{ source: { notNamespaces: [bar] } }], to: [{ operation: { paths: [/mine], ports: ["${ports.bytes + 1}"] } }] }, { from: [{ source: { notNamespaces: [bar] } }], to: [{ operation: { paths: [/mine], notPorts: ["${ports.bytes}"] } }] }] }`,
      ) +
      policy(
        "no-token",
        `{ action: DENY, rules: [{ from: [{ source: { notRequestPrincipals: ["*"] } }], to: [{ operation: { paths: [/token], notPorts: ["${ports.bytes}"] } }] }] }`,
      ) +
      policy(
        "bytes",
        `{ action: DENY, rules: [{ from: [{ source: { notPrincipals: ["*"] } }], to: [{ operation: { ports: ["${ports.bytes}"] } }] }] }`,
        { namespace: "istio-system" },
      ),
    // Both, and dry runs of what would turn everything round.
    () =>
      policy("all", `{ rules: [${allowed}, ${mine}, ${token}, ${bytes}, { to: [{ operation: { paths: ["/b*"] } }] }] }`) +
      policy("bad", `{ action: DENY, rules: [{ to: [{ operation: { paths: ["/ba*"], notPorts: ["${ports.bytes}"] } }] }] }`) +
      policy("planned", "{ action: DENY, rules: [{}] }", { dryRun: true }) +
      policy("planned-too", "{ rules: [] }", { dryRun: true, namespace: "istio-system" }),
  ];
  return authentication + (shapes[(push * 7) % shapes.length]?.() ?? "");
}

interface Expectation {
  readonly path: string;
  readonly status: number;
  readonly headers?: readonly string[];
}

test(
  `${PUSHES} pushes of policies under load let no denied request through, and refuse no allowed one`,
  async () => {
    await using mesh = await IdentityMesh.start();
    const key = await signingKey("ES256", "one");
    const stranger = await signingKey("ES256", "two");
    const bearer = async (signer: typeof key) => [`authorization: Bearer ${await sign(signer, { aud: "shop" }, { kid: "one" })}`];
    const { ports } = mesh.program("foo");
    const { certificate: cert, key: tlsKey, authority: ca } = identityOf(spiffe("bar"));
    const tls = { cert, key: tlsKey, ca, checkServerIdentity: () => undefined, ALPNProtocols: ["istio-http/1.1", "istio", "http/1.1"] };
    await mesh.apply(version(0, ports, keySet(key)));

    const [good, bad] = [await bearer(key), await bearer(stranger)];
    const always: readonly Expectation[] = [
      { path: "/good", status: 200 },
      { path: "/bad", status: 403 },
      { path: "/token", status: 403 },
      { path: "/token", status: 200, headers: good },
      { path: "/token", status: 401, headers: bad },
    ];
    const wrong: string[] = [];
    let answered = 0;
    let stopped = false;
    /** Requests in turn over one connection that is kept. */
    const run = async (client: Client, expectations: readonly Expectation[], who: string): Promise<void> => {
      for (let next = 0; !stopped; next++) {
        const { path, status, headers = [] } = expectations[next % expectations.length] ?? { path: "/", status: 0 };
        try {
          const answer = await client.get("httpbin.foo:8000", path, headers);
          if (answer.status !== status) wrong.push(`${who} ${path}: ${answer.status} ${answer.body}, not ${status}`);
        } catch (error) {
          wrong.push(`${who} ${path}: ${String(error)}`);
        }
        answered++;
      }
    };
    /** Connections of bytes, one after the other. */
    const connect = async (withIdentity: boolean): Promise<void> => {
      const place = { port: ports.bytes, ...(withIdentity ? { tls: { ...tls, ALPNProtocols: ["istio"] } } : {}) };
      while (!stopped) {
        const answer = await ask(place, "bytes", "");
        if ((answer === "got") !== withIdentity) wrong.push(`bytes ${withIdentity ? "with" : "without"} an identity: ${answer}`);
        answered++;
      }
    };
    using plain = new Client({ port: ports.http });
    using secure = new Client({ port: ports.http, tls });
    const loops = [
      run(plain, [...always, { path: "/mine", status: 403 }], "plain"),
      run(secure, [...always, { path: "/mine", status: 200 }], "bar"),
      connect(true),
      connect(false),
    ];
    try {
      for (let push = 1; push <= PUSHES; push++) {
        const before = answered;
        await mesh.apply(version(push, ports, keySet(key)));
        await until(
          "requests were answered by what was pushed",
          async () => answered,
          (count) => count >= before + 5,
        );
      }
    } finally {
      stopped = true;
      await Promise.all(loops);
    }
    expect(wrong).toEqual([]);
    expect(answered).toBeGreaterThan(PUSHES * 5);
  },
  60_000 + PUSHES * 4_000,
);

test("a first policy holds for connections that are open, and so does that there is none any more", async () => {
  await using mesh = await IdentityMesh.start();
  using client = new Client({ port: mesh.program("foo").ports.http });
  const status = async () => (await client.get("httpbin.foo", "/", ["x-forwarded-for: 10.0.0.1"])).status;
  expect(await status()).toBe(200);
  await mesh.apply(policy("none", "{ action: DENY, rules: [{ from: [{ source: { ipBlocks: [127.0.0.0/8] } }] }] }"));
  expect(await status()).toBe(403);
  await mesh.apply("");
  expect(await status()).toBe(200);
});
