import { expect, onTestFinished, test, vi } from "vitest";
import { filterFiles } from "../../../filters/index.ts";
import { requireTarget } from "../../scenario/require-target.ts";
import type { ExchangeRequest, ExchangeResult } from "../../target/index.ts";
import { Http1Connection } from "../client/http1.ts";
import { envoyTarget } from "../index.ts";

const RETRIED = { attempts: 1, retryOn: "503" };

const rules = [
  { name: "moved", match: { uri: { prefix: "/old" } }, redirect: { prefixRewrite: "/new" } },
  { name: "again", match: { uri: { prefix: "/again" } }, route: "v1", retries: RETRIED },
  { name: "rest", route: "v2" },
];

/** Requests that differ in what becomes of their connection, each with a plain one behind it. */
const REQUESTS: readonly ExchangeRequest[] = [
  { path: "/plain" },
  { path: "/again", response: { status: 503, body: "no" } },
  { path: "/old" },
  { path: "/head", method: "HEAD", response: { headers: [["content-length", "9"]] } },
  { path: "/post", method: "POST", body: "a body", response: { body: "an answer" } },
  { path: "/pieces", method: "POST", chunks: ["a", "b"], response: { body: "an answer", trailers: [["x-end", "1"]] } },
  { path: "/nothing", response: { status: 204 } },
  { path: "/as-it-was", response: { status: 304 } },
  { path: "/last", headers: [["connection", "close"]] },
  { path: "/last-of-upstream", response: { headers: [["connection", "close"]], body: "x" } },
  { path: "/cut", response: { reset: "before-headers" } },
  { path: "/given-up", reset: "after-request" },
  { path: "/late", response: { delay: 40 } },
  { path: "/h2", protocol: "h2" },
  { path: "/other", source: { address: "198.51.100.7:4000" } },
].flatMap((request, index) => [request, { path: `/behind/${index}` }] as ExchangeRequest[]);

/** Once: Envoy keeps its connection for a second. */
const BROKEN: ExchangeRequest = { path: "/broken", response: { reset: "after-headers", body: "half" } };

/** Without what depends on the time: a retry has less of it left. */
const timeless = ({ delay: _, request, ...result }: ExchangeResult) => ({
  ...result,
  request: request && { ...request, headers: request.headers.filter(([name]) => name !== "x-envoy-expected-rq-timeout-ms") },
});

test("requests that are sent together end as those that are sent one by one, and some go behind each other", async (context) => {
  await requireTarget(envoyTarget, context);
  const follow = vi.spyOn(Http1Connection.prototype, "follow");
  onTestFinished(() => follow.mockRestore());
  const filter = { name: "routing", module: filterFiles("routing").module, configuration: { rules } };
  await using target = await envoyTarget.start({ filters: [filter] });

  const requests = [...REQUESTS, BROKEN, ...REQUESTS, ...REQUESTS].map((request, index) => ({ ...request, id: String(index) }));
  const alone: ExchangeResult[] = [];
  for (const request of requests) alone.push(await target.send(request));
  expect(follow).not.toHaveBeenCalled();
  const ofAlone = (await target.logs()).length;

  const together = await Promise.all(requests.map((request) => target.send(request)));
  expect(together.map(timeless)).toEqual(alone.map(timeless));
  expect(follow).toHaveBeenCalled();
  const logs = await target.logs();
  expect(logs.slice(ofAlone)).toEqual(logs.slice(0, ofAlone));
});
