import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminListener } from "../../control/admin/index.ts";
import { ControlService } from "../../control/control-service.ts";
import { DirectorySource } from "../../control/sources/directory/index.ts";
import { XdsListener } from "../../control/xds/transport/index.ts";
import { DeltaCall } from "../../control/xds/transport/testing/grpc-client.ts";
import { identityOf } from "../../harness/envoy/chain/certificates.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../testing/run.ts";

const PAGE = "sidecar~10.0.0.9~productpage-v1.default~default.svc.cluster.local";
const REVIEWS = "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local";

const MESH = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { clusterIP: 10.96.0.10, selector: { app: reviews }, ports: [{ name: http, port: 80, targetPort: 9080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: other }
spec: { clusterIP: 10.96.0.11, selector: { app: other }, ports: [{ name: tcp, port: 5432 }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: reviews-v1 }
spec: { address: 10.0.0.1, labels: { app: reviews } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
    - { match: [{ uri: { prefix: /gone } }], directResponse: { status: 410 } }
    - { route: [{ destination: { host: reviews } }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-admin }
spec: { selector: { matchLabels: { app: reviews } }, action: DENY, rules: [{ to: [{ operation: { paths: [/admin] } }] }] }
`;

let folder: string;
let file: string;
let secret: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-explain-request-"));
  file = join(folder, "mesh.yaml");
  await writeFile(file, MESH);
  secret = join(folder, "secret.yaml");
  const { certificate, key } = identityOf("shop.test");
  const stringData = { "tls.crt": certificate, "tls.key": key };
  await writeFile(secret, JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "hidden" }, stringData }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const explain = (input: string, ...parameters: readonly string[]) =>
  meshwright(["explain", "-f", file, "--request", "-", ...parameters], { input });

interface Answer {
  readonly requests: readonly {
    readonly objects: readonly {
      readonly kind: string;
      readonly name: string;
      readonly decides: readonly string[];
      readonly without: unknown;
    }[];
  }[];
}

/** What each object is to a request, by its name. */
function partsOf(output: string, index: number): Readonly<Record<string, unknown>> {
  const objects = (JSON.parse(output) as Answer).requests[index]?.objects ?? [];
  return Object.fromEntries(objects.map(({ kind, name, decides, without }) => [`${kind} ${name}`, { decides, without }]));
}

test("a request of a workload: whose it is that it goes where it does", async (context) => {
  await requireTarget(envoyTarget, context);
  const input = ["/", "/gone"].map((path) => JSON.stringify({ id: path, authority: "reviews", path })).join("\n");
  const { code, output } = await explain(`${input}\nbad`, "--proxy", PAGE, "--output", "json");
  expect(code).toBe(1);
  expect(JSON.parse(output)).toMatchObject({
    proxy: PAGE,
    requests: [
      { id: "/", result: { status: 200 } },
      { id: "/gone", result: { status: 410 } },
      { error: expect.stringContaining("not JSON") },
    ],
  });
  // The routes of the VirtualService lead where requests would go without it, so nothing is another; it decides all the same.
  expect(partsOf(output, 0)).toMatchObject({
    "VirtualService reviews": { decides: ["default/reviews spec.http[1]"] },
    "Service reviews": { decides: [], without: { aspect: "routed", after: expect.stringContaining("PassthroughCluster") } },
    "WorkloadEntry reviews-v1": { decides: [], without: { aspect: "answered", after: expect.stringContaining("no_healthy_upstream") } },
  });
  expect(Object.keys(partsOf(output, 0))).toHaveLength(3);
  expect(partsOf(output, 1)).toMatchObject({
    "VirtualService reviews": {
      decides: ["default/reviews spec.http[0]"],
      without: { aspect: "answered", before: expect.stringContaining("with 410 (direct_response)") },
    },
  });
});

test("a request to a workload, for people: whose it is that it is denied", async (context) => {
  await requireTarget(envoyTarget, context);
  const selected = ["--metadata", '{"LABELS":{"app":"reviews"}}', "--direction", "inbound"];
  const { code, output } = await explain('{"authority":"reviews","path":"/admin"}', "--proxy", REVIEWS, ...selected);
  expect(code).toBe(0);
  const lines = output.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^respond 403 /);
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^ {2}authorization: rule "default\/no-admin\[0\]": deny, DENY policy matched \(.*mesh\.yaml:\d+:\d+\)$/),
      expect.stringMatching(/^ {2}AuthorizationPolicy default\/no-admin {2}\S*mesh\.yaml:\d+ {2}decides: default\/no-admin\[0\]$/),
      "    without it allowed: allowed",
      expect.stringMatching(/^ {4}instead of: denied by authorization, default\/no-admin\[0\] \(DENY policy matched\)/),
    ]),
  );
});

test("a request of a workload of a service that runs, with the places of its files, and what it does not tell", async (context) => {
  await requireTarget(envoyTarget, context);
  await using service = await ControlService.start({ sources: [new DirectorySource([file, secret])] });
  await using xds = await XdsListener.start(service.xds, { port: 0 });
  await using admin = await AdminListener.start(service, { port: 0 });
  using proxy = new DeltaCall(xds.port, PAGE);
  proxy.request({ typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster" });
  await proxy.next();
  const ask = (id: string) =>
    meshwright(["explain", "--admin", `http://127.0.0.1:${admin.port}`, "--proxy", id, "--request", "-", "--output", "json"], {
      input: '{"authority":"reviews","path":"/gone"}',
    });
  const { code, output, errors } = await ask(PAGE);
  expect({ code, errors }).toEqual({ code: 0, errors: expect.stringMatching(/^Secret default\/hidden: the service does not tell .*\n$/) });
  expect(partsOf(output, 0)).toMatchObject({
    "VirtualService reviews": { decides: ["default/reviews spec.http[0]"], without: { aspect: "answered" } },
  });
  expect(output).toMatch(/mesh\.yaml",\s*"line": 17,/);
  const stranger = await ask(REVIEWS);
  expect([stranger.code, stranger.output]).toEqual([1, ""]);
  expect(stranger.errors).toContain(`${REVIEWS} is not connected to the service`);
}, 240_000);

test.each([
  ["of nobody", ["explain", "--request", "-", "-f", "x"], "--request wants to know whose requests they are: --proxy NODE_ID"],
  ["a type beside it", ["explain", "route", "-f", "x", "--request", "-", "--proxy", PAGE], "route and --request are two questions"],
  ["what belongs to it alone", ["explain", "vs", "reviews", "--direction", "inbound"], "--direction belongs to --request"],
  ["nothing", ["explain"], "say what: TYPE [NAME] of a proxy, KIND NAME, or --request FILE"],
] as const)("%s", async (_, parameters, message) => {
  const ended = await meshwright(parameters, { input: '{"path":"/"}' });
  expect([ended.code, ended.output]).toEqual([2, ""]);
  expect(ended.errors).toContain(message);
});
