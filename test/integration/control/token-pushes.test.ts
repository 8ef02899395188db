import { expect, test } from "vitest";
import { keySet, sign } from "../../../filters/authentication/tokens.mts";
import { until } from "../until.ts";
import { TokenMesh } from "./tasks/token-mesh.ts";

/** A soak has more of them. */
const PUSHES = Number(process.env["MESHWRIGHT_POLICY_PUSHES"] ?? 60);

const policy = (name: string, rules: string, { namespace = "foo", selected = false } = {}) => `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${selected ? "selector: { matchLabels: { app: httpbin } }, " : ""}jwtRules: [${rules}] }
`;

/**
 * What whoever edits RequestAuthentications does: rules move between policies of the mesh, the namespace and the workload, beside others that come and go; keys are written down or fetched, from the same place or another, by
 * another name of the same host, with another way of writing headers. In every version a token of the issuer is good, one that another has signed is not, and none is needed.
 */
function version(push: number, mesh: TokenMesh): string {
  const host = ["localhost", "127.0.0.1", `keys-${push % 5}.test`][push % 3] ?? "";
  const url = mesh.jwksUri.replace("localhost", host);
  const keys = [
    `jwks: '${keySet(mesh.key)}'`,
    `jwksUri: "${mesh.jwksUri}"`,
    `jwksUri: "${url}"`,
    `jwksUri: "${url}?v=${push}", timeout: 10s`,
  ][push % 4];
  const more = [
    "",
    ", forwardOriginalToken: true",
    ", outputClaimToHeaders: [{ header: x-sub, claim: sub }]",
    `, audiences: [shop, v${push}]`,
  ][(push * 5) % 4];
  const rule = `{ issuer: "${mesh.issuer}", ${keys}${more} }`;
  const other = `{ issuer: "https://other-${push}.example.com", jwks: '${keySet(mesh.otherKey)}' }`;
  const shapes = [
    () => policy("tokens", rule),
    () => policy("tokens", `${rule}, ${other}`, { selected: true }) + policy("others", other, { namespace: "istio-system" }),
    () => policy("others", other) + policy(`tokens-${push % 2}`, rule, { namespace: "istio-system" }),
    () => policy("others", other, { selected: true }) + policy("tokens", rule, { namespace: "istio-system", selected: true }),
  ];
  return entry(host, new URL(url).port) + (shapes[(push * 7) % shapes.length]?.() ?? "");
}

/** A service of the mesh where the keys are. */
const entry = (host: string, port: string) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: keys, namespace: foo }
spec:
  hosts: ["${host === "127.0.0.1" ? "unused.test" : host}"]
  ports: [{ number: ${port}, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;

test(
  `${PUSHES} pushes of RequestAuthentications under load take no bad token, and refuse no good one`,
  async () => {
    // Keys come at once, and so late that further pushes find requests that wait for them.
    let slow = 0;
    await using mesh = await TokenMesh.start("sidecar", () => (slow++ % 4) * 60);
    const good = await mesh.token({ aud: "shop" });
    const bad = await sign(mesh.otherKey, { aud: "shop" }, { kid: "mine" });
    await mesh.apply(version(0, mesh));
    await until(
      "tokens pass",
      () => mesh.status("/", good),
      (status) => status === 200,
    );
    const wrong: string[] = [];
    let answered = 0;
    let stopped = false;
    const run = async (): Promise<void> => {
      for (
        const cases = [
          [good, 200],
          [bad, 401],
          [undefined, 200],
        ] as const;
        !stopped;
      ) {
        for (const [token, expected] of cases) {
          const { status, body } = await mesh.curl("/", token);
          if (status !== expected) wrong.push(`${token === good ? "good" : token === bad ? "bad" : "none"}: ${status} ${body}`);
          answered++;
        }
      }
    };
    const loops = [run(), run(), run(), run()];
    try {
      for (let push = 1; push <= PUSHES; push++) {
        await mesh.apply(version(push, mesh));
        const before = answered;
        await until(
          "requests were answered by what was pushed",
          async () => answered,
          (count) => count >= before + 1 + (push % 3) * 4,
        );
      }
    } finally {
      stopped = true;
      await Promise.all(loops);
    }
    expect(wrong).toEqual([]);
  },
  60_000 + PUSHES * 4_000,
);
