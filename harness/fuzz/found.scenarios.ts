import { expect } from "vitest";
import { scriptedFilter } from "../host/testing/scripted-filter.ts";
import { scenario } from "../vitest.ts";

// What the fuzzer found of the host itself: it differed from Envoy without any filter.

scenario("an empty value adds nothing to a header that Envoy joins", { chain: { filters: [] } }, async (run) => {
  const headers = [
    ["if-none-match", "a"],
    ["if-none-match", ""],
  ] as const;
  expect(await run.send({ path: "/", headers })).toSendHeader("if-none-match", "a");
});

scenario("a referer is passed on where it is a URL or a relative reference", { chain: { filters: [] } }, async (run) => {
  const send = (value: string) => run.send({ path: "/", headers: [["referer", value]] });
  const good = ["https://example.com/a", "HTTPS://E", "foo://e", "", "a", "/a", "//host", "1/x", "a/b:c", "text,1"];
  const bad = [
    "a:b",
    "http:",
    "http://",
    "Bearer a.b",
    "https://e/a, b",
    "https://e/ü",
    "https:///x",
    "https://e:99999/",
    "about:blank",
    "a#b",
  ];
  for (const value of good) expect(await send(value)).toSendHeader("referer", value);
  for (const value of bad) expect(await send(value)).toSendHeader("referer");
});

const seesHeaders = async () => ({
  filters: [{ name: "scripted", module: await scriptedFilter(), configuration: "request_headers: pairs 0" }],
});

scenario("cookies over HTTP/2 are one header behind the others, and none where they are empty", { chain: seesHeaders }, async (run) => {
  const headers = (...cookies: string[]) => [...cookies.map((value) => ["cookie", value] as const), ["x-a", "b"] as const];
  const cases = [[[""]], [["", ""]], [["a"], "a"], [["", "a"], "a"], [["a", "b=c"], "a; b=c"]] as const;
  for (const [cookies, joined] of cases) {
    const result = await run.send({ path: "/", protocol: "h2", headers: headers(...cookies), response: { headers: headers(...cookies) } });
    expect(result, String(cookies)).toSendHeader("cookie", ...(joined === undefined ? [] : [joined]));
    expect(result.response?.headers.filter(([name]) => name === "cookie")).toEqual(joined === undefined ? [] : [["cookie", joined]]);
  }
});
