import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clock, host, load, open } from "./tester.mts";

// What needs a look at the clock, and several requests at once.

const ALWAYS = { value: 100 };
const asked = {
  rules: [{ name: "asked", delay: { percentage: ALWAYS, headerDelay: {} }, abort: { percentage: ALWAYS, headerAbort: {} } }],
};
const wait = (milliseconds: number) => open([["x-envoy-fault-delay-request", String(milliseconds)]]);
const metrics = () => host.metrics.values();

describe("a delay", () => {
  test("is never early, and late by less than a millisecond beside the host's own lateness, whoever else waits", () => {
    load(asked);
    const delays = fc.array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 50 })), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(delays, (requests) => {
        const waiting = requests.map(([milliseconds, before]) => {
          // Also between the milliseconds of the host's ticks.
          clock.advance(before / 10);
          return { stream: wait(milliseconds), milliseconds, since: clock.monotonic() };
        });
        while (waiting.length > 0) {
          for (const [at, { stream, milliseconds, since }] of [...waiting.entries()].toReversed()) {
            const held = Number(clock.monotonic() - since) / 1e6;
            if (stream.state === "paused") {
              expect(held).toBeLessThan(milliseconds + 1);
              continue;
            }
            expect(held).toBeGreaterThanOrEqual(milliseconds);
            expect(stream.state).toBe("forwarded");
            stream.disconnect();
            waiting.splice(at, 1);
          }
          clock.advance(1);
        }
        expect(clock.untilNext()).toBeUndefined();
      }),
      { numRuns: 100 },
    );
    expect(metrics()["fault.active_faults"]).toBe(0);
  });

  test("makes the clock tick only while somebody waits", () => {
    load(asked);
    expect(clock.untilNext()).toBeUndefined();
    open().respond();
    expect(clock.untilNext()).toBeUndefined();
    const waiting = wait(70_000);
    expect(clock.untilNext()).toBe(70_000);
    clock.advance(70_000);
    expect(waiting.state).toBe("forwarded");
    expect(clock.untilNext()).toBeUndefined();
  });

  test("is forgotten when the client leaves, with its place under the limit", () => {
    load({ ...asked, maxActiveFaults: 1 });
    const gone = wait(1_000);
    expect(metrics()["fault.active_faults"]).toBe(1);
    gone.disconnect();
    expect(metrics()["fault.active_faults"]).toBe(0);
    expect(clock.untilNext()).toBeUndefined();
    expect(wait(1_000).state).toBe("paused");
  });

  test("goes on under the configuration that it began with", () => {
    load({ rules: [{ name: "a", delay: { percentage: ALWAYS, fixedDelay: "1s" }, abort: { percentage: ALWAYS, httpStatus: 500 } }] });
    const early = open();
    load({ rules: [] });
    const late = open();
    expect(late.state).toBe("forwarded");
    clock.advance(1_000);
    expect(early.response?.status).toBe(500);
    expect(metrics()["fault.active_faults"]).toBe(0);
  });
});

describe("the limit", () => {
  test("is on those who wait at one time: more go on, until one of them is through", () => {
    load({ ...asked, maxActiveFaults: 2 });
    const [first, second] = [wait(100), wait(200)];
    expect([first.state, second.state, wait(100).state]).toEqual(["paused", "paused", "forwarded"]);
    const aborted = open([["x-envoy-fault-abort-request", "500"]]);
    expect(aborted.state).toBe("forwarded");
    expect(metrics()).toMatchObject({ "fault.active_faults": 2, "fault.faults_overflow": 2, "fault.delays_injected": 2 });
    clock.advance(100);
    expect([first.state, second.state, wait(100).state]).toEqual(["forwarded", "paused", "paused"]);
    clock.advance(100);
    expect(open([["x-envoy-fault-abort-request", "500"]]).response?.status).toBe(500);
  });

  test("does not count what a request draws that goes on anyway", () => {
    load({ rules: [{ name: "none", delay: { percentage: { value: 0 }, fixedDelay: "1s" } }], maxActiveFaults: 0 });
    expect(open().state).toBe("forwarded");
    expect(metrics()["fault.faults_overflow"] ?? 0).toBe(0);
  });
});

test("the filter state says what was injected", () => {
  load({
    rules: [
      {
        name: "both",
        match: { uri: { exact: "/both" } },
        delay: { percentage: ALWAYS, fixedDelay: "1s" },
        abort: { percentage: ALWAYS, httpStatus: 500 },
      },
      { name: "delay", match: { uri: { exact: "/delay" } }, delay: { percentage: ALWAYS, fixedDelay: "1s" } },
      { name: "abort", match: { uri: { exact: "/abort" } }, abort: { percentage: ALWAYS, httpStatus: 500 } },
    ],
  });
  const state = (path: string) => {
    const stream = open([], path);
    clock.advance(1_000);
    return stream.info.filterState.get("wasm.meshwright.fault")?.value;
  };
  expect(["/both", "/delay", "/abort", "/none"].map(state)).toEqual(["delay,abort", "delay", "abort", undefined]);
});
