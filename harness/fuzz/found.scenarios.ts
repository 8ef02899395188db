import { expect } from "vitest";
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
