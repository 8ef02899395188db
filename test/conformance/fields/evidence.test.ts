import { describe, expect, test } from "vitest";
import { wrongEvidence } from "./evidence.ts";

const RETRIES = "control/xds/types/route/retries.scenarios.ts";

describe("evidence for a field", () => {
  test.each([
    ["a test", `${RETRIES}: within the time of the whole request`],
    ["a row", `${RETRIES}: attempts alone say how often`],
    ["a pattern", `${RETRIES}: by %s: %s, %i`],
    ["a key", "control/xds/types/route/mirrors.scenarios.ts: several", "http.mirrors"],
    ["a reason", { unseen: "nothing that Envoy does depends on it" }],
  ])("is %s", (_what, evidence, field = "http.retries.attempts") => {
    expect(wrongEvidence(field, evidence)).toEqual([]);
  });

  test.each([
    ["a test that is not there", `${RETRIES}: never`, /has no test with the title "never"/],
    ["a file that is not there", "control/nothing.scenarios.ts: never", /there is no control\/nothing/],
    ["a file alone", RETRIES, /is not "FILE: TITLE"/],
    ["a test of something else", `control/xds/types/route/cors.scenarios.ts: what is not there is not said`, /does not mention attempts/],
    ["no reason", { unseen: "" }, /say why/],
  ])("is not %s", (_what, evidence, problem) => {
    expect(wrongEvidence("http.retries.attempts", evidence).join("\n")).toMatch(problem);
  });
});
