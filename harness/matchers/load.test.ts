import { describe, expect, test } from "vitest";
import type { LoadCounts, LoadFailure } from "../load/index.ts";
import { expect as ownExpect } from "./expect.ts";
import "./vitest.ts";

const NONE: LoadCounts = { sent: 0, answered: 0, lost: 0, wrong: 0, open: 0, statuses: {}, reasons: {}, retried: 0, late: 0, unsent: 0 };

function load(counts: Partial<LoadCounts>, failures: readonly LoadFailure[] = []) {
  return { counts: { ...NONE, ...counts }, failures };
}

describe("a load", () => {
  test("loses nothing where every request was answered as wanted", () => {
    expect(load({ sent: 9, answered: 9 })).toLoseNothing();
    ownExpect(load({ sent: 9, answered: 9 })).toLoseNothing();
    expect(load({ sent: 9, answered: 8, lost: 1 })).not.toLoseNothing();
    expect(load({ sent: 9, answered: 8, wrong: 1 })).not.toLoseNothing();
  });

  test("shows nothing without requests, nor while they are on their way", () => {
    expect(load({})).not.toLoseNothing();
    expect(load({ sent: 9, answered: 8, open: 1 })).not.toLoseNothing();
  });

  test("loses so many at most", () => {
    expect(load({ sent: 9, answered: 6, lost: 1, wrong: 2 })).toLoseAtMost(3);
    expect(load({ sent: 9, answered: 6, lost: 1, wrong: 2 })).not.toLoseAtMost(2);
  });

  test("shows what was lost, and why", () => {
    const failure: LoadFailure = {
      at: "2026-01-01T00:00:00.000Z",
      after: 12,
      kind: "wrong",
      reason: "not as wanted: status 503",
      connection: 3,
      request: { method: "GET", path: "/a", authority: "reviews:9080", headers: [["x-id", "7"]], body: undefined },
      answer: { status: 503, headers: { server: "envoy" }, body: "no healthy upstream" },
    };
    const counts = { sent: 2, answered: 1, wrong: 1, statuses: { 200: 1, 503: 1 }, reasons: { "not as wanted: status 503": 1 }, late: 4 };
    const judged = () => expect(load(counts, [failure])).toLoseNothing();
    expect(judged).toThrow(`expected the load to lose nothing; 2 sent: 1 answered, 0 lost, 1 wrong
  statuses: 200: 1; 503: 1
  reasons: not as wanted: status 503: 1
  the rate was not kept: 4 sent late, 0 due but not sent
  wrong: GET reviews:9080/a x-id: 7 at 2026-01-01T00:00:00.000Z, 12 ms later: not as wanted: status 503 (connection 3)
    503 {"server":"envoy"} "no healthy upstream"`);
  });
});
