import { expect } from "vitest";
import { scenario } from "../../vitest.ts";

const module = process.env["FAILING_MODULE"] ?? "";
const chain = { filters: [{ name: "scripted", module, configuration: "request_headers: log 2 hello from the filter" }] };

scenario("sends different requests", { chain }, async (run) => {
  await run.send({ path: run.target === "envoy" ? "/in-envoy" : "/in-process" });
});

scenario("expects what does not hold", { chain }, async (run) => {
  expect(await run.send({ path: "/" })).toRespond(403);
});

scenario("is refused", { chain: { filters: [{ name: "none", module: "none.wasm" }] } }, async (run) => {
  await run.send({ path: "/" });
});

scenario("holds", { chain }, async (run) => {
  expect(await run.send({ path: "/" })).toForward();
});

scenario("sends many", { chain }, async (run) => {
  const paths = Array.from({ length: 5 }, (_, index) => `/${index}`);
  const results = await run.sendAll(paths.map((path) => ({ path })));
  expect(results.map(({ request }) => request?.path)).toEqual(paths);
});

const configured = (configuration: string) => ({ filters: [{ name: "scripted", module, configuration }] });

scenario("loops for ever", { chain: configured("request_headers: log 2 hello\nrequest_headers: loop"), timeLimit: 1_000 }, async (run) => {
  await run.send({ path: "/" });
});

scenario(
  "loops for ever, in the second of three requests",
  { chain: configured("request_trailers: log 2 hello\nrequest_trailers: loop"), timeLimit: 1_000 },
  async (run) => void (await run.sendAll([{ path: "/1" }, { path: "/2", protocol: "h2", trailers: [["a", "b"]] }, { path: "/3" }])),
);

scenario("loops while it is configured", { chain: configured("configure: loop"), timeLimit: 1_000 }, async (run) => {
  await run.send({ path: "/" });
});

scenario("goes on after one that looped", { chain }, async (run) => {
  expect(await run.send({ path: "/" })).toForward();
});
