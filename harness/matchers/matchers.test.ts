import { describe, expect, test } from "vitest";
import type { ExchangeResult } from "../target/index.ts";
import "./vitest.ts";

const forwarded: ExchangeResult = {
  outcome: "forward",
  status: 200,
  details: "via_upstream",
  request: {
    method: "GET",
    authority: "a",
    path: "/",
    headers: [
      ["x-a", "1"],
      ["x-a", "2"],
    ],
  },
  response: { status: 200, headers: [["x-b", "3"]], body: "" },
  route: "r",
  cluster: "c",
  decisions: [],
};
const answered: ExchangeResult = {
  outcome: "respond",
  status: 403,
  details: "denied",
  response: { status: 403, headers: [], body: "" },
  decisions: [],
};

describe("each holds, and does not", () => {
  test("toForward", () => {
    expect(forwarded).toForward();
    expect(forwarded).toForward({ route: "r", cluster: "c" });
    expect(forwarded).not.toForward({ route: "other" });
    expect(forwarded).not.toForward({ cluster: "other" });
    expect(answered).not.toForward();
  });

  test("toRespond", () => {
    expect(answered).toRespond(403);
    expect(answered).toRespond(403, "denied");
    expect(answered).not.toRespond(403, "other");
    expect(answered).not.toRespond(401);
    expect(forwarded).not.toRespond(200);
  });

  test("toSendHeader", () => {
    expect(forwarded).toSendHeader("X-A", "1", "2");
    expect(forwarded).not.toSendHeader("x-a", "1");
    expect(forwarded).not.toSendHeader("x-a", "2", "1");
    expect(forwarded).toSendHeader("x-none");
    expect(answered, "nothing reached the upstream").not.toSendHeader("x-a");
  });

  test("toRespondWith", () => {
    const coded: ExchangeResult = {
      ...answered,
      response: {
        status: 403,
        headers: [
          ["x-b", "1"],
          ["x-c", "1"],
          ["x-c", "2"],
        ],
        body: "no",
      },
    };
    expect(coded).toRespondWith(403);
    expect(coded).toRespondWith(403, { details: "denied", body: "no", headers: { "X-B": "1", "x-c": ["1", "2"] } });
    expect(coded).not.toRespondWith(401);
    expect(coded).not.toRespondWith(403, { details: "other" });
    expect(coded).not.toRespondWith(403, { body: "yes" });
    expect(coded).not.toRespondWith(403, { headers: { "x-c": "1" } });
    expect(coded).not.toRespondWith(403, { headers: { "x-none": "" } });
    expect(forwarded).not.toRespondWith(200);
  });

  test("toHaveHeader", () => {
    expect(forwarded.request).toHaveHeader("x-a");
    expect(forwarded.request).toHaveHeader("X-A", "1", "2");
    expect(forwarded.request).not.toHaveHeader("x-a", "1");
    expect(forwarded.response?.headers).toHaveHeader("x-b", "3");
    expect(forwarded.response).not.toHaveHeader("x-a");
    expect(answered.request).not.toHaveHeader("x-a");
    const whole = forwarded as unknown as undefined;
    const advice = /has no headers: examine the `request` or the `response` of an exchange/;
    expect(() => expect(whole).toHaveHeader("x-a")).toThrow(advice);
    expect(() => expect(whole).not.toHaveHeader("x-a")).toThrow(advice);
  });

  test("toEject", () => {
    const marked: ExchangeResult = {
      ...forwarded,
      decisions: [{ filter: "ejection", rule: "consecutive5xxErrors", result: "mark", reason: "" }],
    };
    expect(marked).toEject();
    expect(marked).toEject("consecutive5xxErrors");
    expect(marked).not.toEject("latency");
    expect(forwarded).not.toEject();
  });

  test("toReturnHeader", () => {
    expect(forwarded).toReturnHeader("x-b", "3");
    expect(forwarded).not.toReturnHeader("x-b");
    expect(answered).toReturnHeader("x-b");
  });
});

test.each<[string, string, () => void]>([
  ["toForward", 'to be forwarded {"route":"r"}', () => expect(answered).toForward({ route: "r" })],
  ["not.toForward", "not to be forwarded {}", () => expect(forwarded).not.toForward()],
  ["toRespond", "to be answered with 401 (denied)", () => expect(answered).toRespond(401, "denied")],
  ["not.toRespond", "not to be answered with 403", () => expect(answered).not.toRespond(403)],
  ["toSendHeader", 'to send upstream x-a: ["1"]', () => expect(forwarded).toSendHeader("x-a", "1")],
  ["not.toSendHeader", 'not to send upstream x-a: ["1","2"]', () => expect(forwarded).not.toSendHeader("x-a", "1", "2")],
  ["toRespondWith", 'to be answered with 401 {"body":"no"}', () => expect(answered).toRespondWith(401, { body: "no" })],
  ["toEject", "to mark its host as one to be ejected by latency", () => expect(answered).toEject("latency")],
  ["toResumeAfter", "to be held back for 250 ms", () => expect(forwarded).toResumeAfter(250)],
  ["toReturnHeader", "to return x-b: []", () => expect(forwarded).toReturnHeader("x-b")],
  ["not.toReturnHeader", 'not to return x-b: ["3"]', () => expect(forwarded).not.toReturnHeader("x-b", "3")],
])("a failure of %s shows what was expected and the whole exchange", (_, expected, expectation) => {
  expect(expectation).toThrow(`expected the exchange ${expected}; it was\n{\n  "outcome": "`);
});

test.each<[string, unknown, RegExp]>([
  ["a promise", Promise.resolve(forwarded), /is a promise: await it first/],
  [
    "a stream of the in-process host",
    { state: "responded", response: { status: 403 } },
    /is no exchange.*`state`, `request` and `response`/,
  ],
  ["nothing", undefined, /is no exchange/],
])("%s is no exchange, and holds to nothing of one, nor to its opposite", (_title, given, message) => {
  const examined = given as ExchangeResult;
  expect(() => expect(examined).toForward()).toThrow(message);
  expect(() => expect(examined).not.toForward()).toThrow(message);
  expect(() => expect(examined).not.toRespond(403)).toThrow(message);
  expect(() => expect(examined).not.toRespondWith(403)).toThrow(message);
  expect(() => expect(examined).not.toSendHeader("x-a", "1")).toThrow(message);
  expect(() => expect(examined).not.toReturnHeader("x-a", "1")).toThrow(message);
  expect(() => expect(examined).not.toEject()).toThrow(message);
});
