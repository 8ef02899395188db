import { expect, test } from "vitest";
import { ReportTokens, TOKEN_LIFE } from "./report-tokens.ts";

function bench(kept: ConstructorParameters<typeof ReportTokens>[0] = []) {
  const clock = { now: 1_000_000_000_000 };
  const tokens = new ReportTokens(kept, () => clock.now);
  const pass = (time: number) => {
    clock.now += time;
    return tokens.renew();
  };
  return { clock, tokens, pass };
}

test("a token is replaced after its life, is good as long as the next one is new, and then no more", () => {
  const { tokens, pass } = bench();
  const first = tokens.current;
  expect(pass(TOKEN_LIFE - 1)).toBe(false);
  expect(tokens.current).toBe(first);
  expect(pass(1)).toBe(true);
  const second = tokens.current;
  expect(second).not.toBe(first);
  expect([first, second].map((token) => tokens.accepts(token))).toEqual([true, true]);
  expect(pass(TOKEN_LIFE)).toBe(true);
  expect([first, second, tokens.current].map((token) => tokens.accepts(token))).toEqual([false, true, true]);
  expect(["", `${second}x`, second.slice(1)].map((token) => tokens.accepts(token))).toEqual([false, false, false]);
});

test("after a restart both are good, and as old as they were", () => {
  const { tokens, clock, pass } = bench();
  const first = tokens.current;
  pass(TOKEN_LIFE);
  const second = tokens.current;
  clock.now += TOKEN_LIFE - 1;
  const restarted = new ReportTokens(tokens.kept(), () => clock.now);
  expect(restarted.current).toBe(second);
  expect(restarted.accepts(first)).toBe(true);
  clock.now += 1;
  expect(restarted.renew()).toBe(true);
  expect([first, second].map((token) => restarted.accepts(token))).toEqual([false, true]);
});

test.each([
  ["whose age is not known", undefined],
  ["that is old", 1],
])("a kept token %s is replaced at once, and still good", (_, since) => {
  const { tokens } = bench([{ token: "kept", ...(since === undefined ? {} : { since }) }]);
  expect(tokens.current).not.toBe("kept");
  expect(tokens.accepts("kept")).toBe(true);
  expect(tokens.kept()).toMatchObject([{ token: tokens.current }, { token: "kept", since: since ?? 0 }]);
});

test("a token of a clock that was ahead is good for no longer than others", () => {
  const { tokens, pass } = bench([{ token: "kept", since: 9_000_000_000_000 }]);
  expect(tokens.current).toBe("kept");
  expect(pass(TOKEN_LIFE)).toBe(true);
});
