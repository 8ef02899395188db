import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoyTarget } from "../../../harness/envoy/index.ts";
import { requireTarget } from "../../../harness/scenario/require-target.ts";
import { compare } from "../index.ts";
import type { RequestsReport } from "./compare.ts";

// The edits that docs/cli.md shows, and others of every kind, on the bookshop of `npm start`.

const bookshop = fileURLToPath(new URL("../../../scripts/demo/mesh", import.meta.url));
const PAGE = "sidecar~10.0.0.11~productpage-v1.default~default.svc.cluster.local";
const REVIEWS = "sidecar~10.0.0.12~reviews-v1.default~default.svc.cluster.local";
const GATEWAY = "router~10.0.0.8~gateway.default~default.svc.cluster.local";
const GATEWAY_LABELS = JSON.stringify({ LABELS: { app: "gateway" } });
const to = (version: string) => `outbound|9080|${version}|reviews.default.svc.cluster.local`;

const REQUESTS = [
  { authority: "reviews:9080", path: "/reviews/1" },
  { authority: "reviews:9080", path: "/reviews/1", headers: [["x-user", "jason"]] },
  { authority: "ratings:9080", path: "/ratings/1" },
  { authority: "reviews:9080", path: "/reviews/1", id: "the first once more" },
];

/** The demo's workloads are where its programs run; these are nowhere. */
const WORKLOADS = ["productpage-v1", "reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1"].map((name, index) => {
  const [app = "", version = ""] = name.split("-");
  const spec = { address: `10.0.0.${index + 11}`, labels: { app, version }, serviceAccount: app };
  return JSON.stringify({ apiVersion: "networking.istio.io/v1", kind: "WorkloadEntry", metadata: { name }, spec });
});

let folder: string;
let original: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-diff-"));
  original = join(folder, "original");
  await cp(bookshop, original, { recursive: true });
  await writeFile(join(original, "workloads.yaml"), WORKLOADS.join("\n---\n"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Edited {
  readonly file?: string;
  /** What is replaced by what. */
  readonly edit?: readonly [string, string];
  /** YAML that is added. */
  readonly add?: string;
}

/** The bookshop against itself after an edit. */
async function edited(
  { file = "reviews.yaml", edit: [from, into] = ["", ""], add = "" }: Edited,
  requests?: readonly object[],
  options: Partial<Parameters<typeof compare>[0]> = {},
) {
  const copy = await mkdtemp(join(folder, "mesh-"));
  await cp(original, copy, { recursive: true });
  const path = join(copy, file);
  const text = await readFile(path, "utf8");
  expect(text).toContain(from);
  await writeFile(path, `${text.replace(from, into)}${add === "" ? "" : `\n---\n${add}`}`);
  const recorded = join(copy, "requests.jsonl");
  if (requests !== undefined) await writeFile(recorded, requests.map((request) => JSON.stringify(request)).join("\n"));
  const common = { file: [copy], against: [original], admin: "", logHeader: [], cluster: [], proxy: [PAGE] };
  const {
    report,
    differs,
    text: asText,
  } = await compare({ ...common, ...options, ...(requests === undefined ? {} : { requests: recorded }) });
  return { report, differs, text: asText() };
}

async function treated(edit: Edited, requests: readonly object[] = REQUESTS, options: Partial<Parameters<typeof compare>[0]> = {}) {
  const { report } = await edited(edit, requests, options);
  if (report.requests === undefined) throw new Error("no requests");
  return report.requests;
}

/** What is told of groups, in short. */
function causes({ groups }: RequestsReport): readonly string[] {
  return groups.map(({ aspect, count, before, after }) => `${count} ${aspect}: ${before} => ${after}`);
}

test("a copy of the bookshop does not differ", async () => {
  const { report, differs, text } = await edited({});
  expect(differs).toBe(false);
  expect(report.groups).toEqual([]);
  expect(text).toBe("nothing differs\n");
});

test("weights: one route of those that call the reviews", async () => {
  const { report, differs, text } = await edited({ edit: ["weight: 80", "weight: 70"] });
  expect(differs).toBe(true);
  expect(report.groups.map(({ resources }) => resources.map(({ change, type, name }) => [change, type, name]))).toEqual([
    [["changed", "route", "9080|reviews.default.svc.cluster.local"]],
  ]);
  expect(report.groups[0]?.resources[0]?.fields).toEqual([{ path: expect.stringContaining("weight") as unknown, before: 80, after: 70 }]);
  expect(text).toContain("weight: 80 -> 70");
});

test("mTLS: the listeners of who is called, and nothing for who calls", async () => {
  const edit = { file: "security.yaml", edit: ["mode: STRICT", "mode: PERMISSIVE"] } as const;
  const { report } = await edited(edit, undefined, { proxy: [REVIEWS, PAGE] });
  expect(report.groups.flatMap(({ resources }) => resources.map(({ type }) => type))).toEqual(expect.arrayContaining(["listener"]));
});

describe("requests, before and after", () => {
  test.beforeEach(async (context) => requireTarget(envoyTarget, context));

  test("a copy treats none differently; the same request is run once", async () => {
    expect(await treated({})).toMatchObject({ total: 4, distinct: 3, changed: 0, groups: [] });
  });

  test("weights", async () => {
    const found = await treated({ edit: ["weight: 80", "weight: 70"] });
    expect(found).toMatchObject({ total: 4, changed: 2 });
    expect(causes(found)).toEqual([
      expect.stringMatching(
        /^2 routed: to outbound\|9080\|v1\|\S+ 80 %, outbound\|9080\|v2\|\S+ 20 %, by VirtualService default\/reviews.* => to outbound\|9080\|v1\|\S+ 77\.7778 %/,
      ),
    ]);
    expect(found.groups[0]?.example).toMatchObject({ line: 1, request: { path: "/reviews/1" }, before: { status: 200 } });
  });

  test("who sees which version", async () => {
    expect(causes(await treated({ edit: ["exact: jason", "exact: ann"] }))).toEqual([
      expect.stringContaining(`1 routed: to ${to("v3")}, by`),
    ]);
  });

  test("a subset that nobody has any more: where it leads counts too", async () => {
    const found = await treated({ edit: ["labels: { version: v3 }", "labels: { version: v4 }"] });
    expect(causes(found)).toEqual([expect.stringMatching(/^1 answered: by the service.* => with 503 \(no_healthy_upstream\)/)]);
    const nowhere = [{ authority: "details:9080", path: "/" }];
    const policy = { edit: ["", ""] as const, add: DETAILS };
    expect(causes(await treated(policy, nowhere))).toEqual([expect.stringMatching(/^1 routed: to outbound\|9080\|\|details/)]);
  });

  test("a subset that there is no more", async () => {
    const found = await treated({ edit: ["    - { name: v3, labels: { version: v3 } }\n", ""] });
    expect(causes(found)).toEqual([expect.stringMatching(/^1 answered: .* => with 503/)]);
  });

  test("another route beside those that there are changes nothing for others", async () => {
    const more = "    - match: [{ uri: { prefix: /new } }]\n      route: [{ destination: { host: reviews, subset: v1 } }]\n    # Whoever";
    expect(await treated({ edit: ["    # Whoever", more] })).toMatchObject({ total: 4, changed: 0 });
  });

  test("a first route beside the one of every service", async () => {
    const ratings = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - match: [{ uri: { prefix: /new } }]
      route: [{ destination: { host: reviews } }]
    - route: [{ destination: { host: ratings } }]
`;
    expect(await treated({ add: ratings })).toMatchObject({ total: 4, changed: 0 });
  });

  test("faults for a share of the requests, which are not waited for", async () => {
    const fault =
      "    - fault: { delay: { fixedDelay: 60s, percentage: { value: 10 } } }\n      route:\n        - { destination: { host: reviews, subset: v1 }, weight: 80 }";
    const found = await treated({ edit: ["    - route:\n        - { destination: { host: reviews, subset: v1 }, weight: 80 }", fault] });
    expect(causes(found)).toEqual(["2 delayed: not => 60 s for 10 %"]);
  });

  test("answers of the proxy's own", async () => {
    const found = await treated({
      edit: ["      route: [{ destination: { host: reviews, subset: v3 } }]", "      directResponse: { status: 410 }"],
    });
    expect(causes(found)).toEqual([expect.stringMatching(/^1 answered: by the service, .* => with 410 \(direct_response\)/)]);
  });

  test("what the service gets, and what else a route does", async () => {
    const path = await treated({
      edit: [
        "      route: [{ destination: { host: reviews, subset: v3 } }]",
        "      rewrite: { uri: /other }\n      route: [{ destination: { host: reviews, subset: v3 } }]",
      ],
    });
    expect(causes(path)).toEqual([expect.stringMatching(/^1 changed: .*request path/)]);
    expect(causes(await treated({ edit: ["timeout: 2s", "timeout: 5s"] }))).toEqual([expect.stringMatching(/^2 changed: .*timeout => /)]);
  });

  const DETAILS = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: details }
spec: { hosts: [details], http: [{ route: [{ destination: { host: nobody } }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: nobody }
spec: { selector: { app: nobody }, ports: [{ name: http, port: 9080 }] }
`;
  const POLICY = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-secrets }
spec: { action: DENY, rules: [{ to: [{ operation: { paths: ["/secret*"] } }] }] }
`;
  const principal = "spiffe://cluster.local/ns/default/sa/productpage";
  const called = ["/reviews/1", "/secrets", "/secret"].map((path) => ({ authority: "reviews:9080", path, source: { principal } }));

  test("a policy, at who is called", async () => {
    const found = await treated({ file: "security.yaml", add: POLICY }, called, { proxy: [REVIEWS], direction: "inbound" });
    expect(found).toMatchObject({ total: 3, changed: 2 });
    expect(causes(found)).toEqual([expect.stringMatching(/^2 allowed: allowed => denied by authorization, .*no-secrets/)]);
  });

  test("a dry run of a policy", async () => {
    const tried = POLICY.replace("name: no-secrets", 'name: no-secrets, annotations: { istio.io/dry-run: "true" }');
    const found = await treated({ file: "security.yaml", add: tried }, called, { proxy: [REVIEWS], direction: "inbound" });
    expect(causes(found)).toEqual([expect.stringMatching(/^2 allowed: allowed => allowed; in a dry run denied by authorization/)]);
  });

  test("a gateway, from Envoy's log", async () => {
    const entry = {
      start_time: "2026-01-31T12:00:00.000Z",
      method: "GET",
      authority: "shop.test",
      protocol: "HTTP/1.1",
      response_code: 200,
      response_flags: "-",
      downstream_local_address: "127.0.0.1:80",
    };
    const lines = ["/productpage", "/products", "/"].map((path) => ({ ...entry, path }));
    const found = await treated({ file: "gateway.yaml", edit: ["prefix: /productpage", "prefix: /product"] }, lines, {
      proxy: [GATEWAY],
      metadata: GATEWAY_LABELS,
    });
    expect(found).toMatchObject({ total: 3, changed: 1, failed: { count: 0 } });
    expect(causes(found)).toEqual([expect.stringMatching(/^1 answered: with 404 \(route_not_found\).* => by the service/)]);
  });
});
