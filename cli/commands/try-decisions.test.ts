import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../testing/run.ts";

// Who decided what, of policies by Istio's kinds: at a workload, at a gateway, and of requests that are tried again.

const MESH = `
apiVersion: v1
kind: Service
metadata: { name: app }
spec: { clusterIP: 10.96.0.10, selector: { app: app }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp, port: 5432 }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: app-v1 }
spec: { address: 10.0.0.1, labels: { app: app } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: app }
spec:
  hosts: [app]
  http: [{ route: [{ destination: { host: app } }], retries: { attempts: 2, retryOn: 5xx, backoff: 1ms } }]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec: { jwtRules: [{ issuer: a, jwks: '{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}' }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: members }
spec: { action: DENY, rules: [{ from: [{ source: { notRequestPrincipals: ["*"] } }], to: [{ operation: { ports: ["80", "8080"], paths: [/members] } }] }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: neighbours }
spec: { selector: { matchLabels: { app: app } }, rules: [{ from: [{ source: { ipBlocks: [192.0.2.0/24] } }] }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gateway }
spec: { selector: { app: gateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [app.example.com] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: outside }
spec: { hosts: [app.example.com], gateways: [gateway], http: [{ route: [{ destination: { host: app, port: { number: 80 } } }] }] }
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-decisions-"));
  await writeFile(join(folder, "mesh.yaml"), MESH);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function tried(requests: readonly object[], ...parameters: readonly string[]): Promise<readonly unknown[]> {
  const input = requests.map((request) => JSON.stringify(request)).join("\n");
  const { output } = await meshwright(["try", "-f", folder, ...parameters, "-"], { input });
  return output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}

const of = (kind: string, name: string) => ({
  object: { kind, namespace: "default", name },
  at: expect.stringMatching(/mesh\.yaml:\d+:\d+$/) as string,
});

test("inbound: policies and tokens of requests, and policies of connections", async (context) => {
  await requireTarget(envoyTarget, context);
  const options = ["--proxy", "sidecar~10.0.0.1~app-v1.default~default.svc.cluster.local", "--direction", "inbound"];
  const bad = { headers: [["authorization", "Bearer e30.e30.AA"]] };
  const results = await tried(
    [
      { authority: "app", path: "/" },
      { authority: "app", path: "/members" },
      { authority: "app", path: "/", ...bad },
      { authority: "app:5432", path: "/" },
      { authority: "app:5432", path: "/", source: { address: "203.0.113.1:1" } },
    ],
    ...options,
    "--metadata",
    '{"LABELS":{"app":"app"}}',
  );
  const allowed = {
    rule: "default/neighbours[0]",
    result: "allow",
    reason: "ALLOW policy matched",
    ...of("AuthorizationPolicy", "neighbours"),
  };
  expect(results[0]).toMatchObject({ status: 200 });
  expect(results[0]).toHaveProperty("decisions", expect.arrayContaining([{ filter: "authorization", ...allowed }]));
  expect(results[1]).toMatchObject({ status: 403 });
  const denied = { filter: "authorization", rule: "default/members[0]", result: "deny", reason: "DENY policy matched" };
  expect(results[1]).toHaveProperty("decisions", expect.arrayContaining([{ ...denied, ...of("AuthorizationPolicy", "members") }]));
  expect(results[2]).toMatchObject({ status: 401, decisions: [{ filter: "authentication", result: "deny" }] });
  const connection = { filter: "envoy.filters.network.rbac" };
  expect(results[3]).toMatchObject({ outcome: "forward", cluster: "inbound|5432||", decisions: [{ ...connection, ...allowed }] });
  expect(results[4]).toMatchObject({
    outcome: "reset",
    details: "rbac_access_denied_matched_policy[none]",
    decisions: [{ ...connection, rule: "", result: "deny", reason: "no ALLOW policy matched" }],
  });
});

test("at a gateway: its policies, then the route", async (context) => {
  await requireTarget(envoyTarget, context);
  const options = ["--proxy", "router~10.0.0.8~gateway.default~default.svc.cluster.local", "--metadata", '{"LABELS":{"app":"gateway"}}'];
  const results = await tried(
    ["/", "/members"].map((path) => ({ authority: "app.example.com", path })),
    ...options,
  );
  const routed = { filter: "envoy.filters.http.router", rule: "default/outside spec.http[0]", result: "route" };
  const cluster = "outbound|80||app.default.svc.cluster.local";
  expect(results[0]).toMatchObject({ status: 200, cluster });
  expect(results[0]).toHaveProperty(
    "decisions",
    expect.arrayContaining([{ ...routed, reason: `to ${cluster}`, ...of("VirtualService", "outside") }]),
  );
  expect(results[1]).toMatchObject({ status: 403 });
  const denied = { filter: "authorization", rule: "default/members[0]", result: "deny", reason: "DENY policy matched" };
  expect(results[1]).toHaveProperty("decisions", expect.arrayContaining([{ ...denied, ...of("AuthorizationPolicy", "members") }]));
});

test("outbound: how often it was tried", async (context) => {
  await requireTarget(envoyTarget, context);
  const options = ["--proxy", "sidecar~10.0.0.9~page.default~default.svc.cluster.local"];
  const [result] = await tried([{ authority: "app", path: "/", response: { status: 503 } }], ...options);
  const route = { filter: "envoy.filters.http.router", result: "route", ...of("VirtualService", "app") };
  expect(result).toMatchObject({
    status: 503,
    decisions: [
      { ...route, rule: "default/app spec.http[0]", reason: "to outbound|80||app.default.svc.cluster.local" },
      { ...route, rule: "default/app spec.http[0].retries", reason: expect.stringMatching(/^attempts: 3/) },
    ],
  });
});
