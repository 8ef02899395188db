import { expect, test } from "vitest";
import { RFC_EXAMPLES } from "./rfc-examples.mts";
import { bearer, clock, load, send } from "./tester.mts";

// With a clock that can be set back; examples.scenarios.ts plays the same ones in Envoy, whose clock is the machine's.

test.each(RFC_EXAMPLES.filter(({ validAt }) => validAt !== undefined))("$title, passes in its time, and no longer", (example) => {
  clock.setNow(example.validAt ?? "");
  load({ jwtRules: [{ issuer: example.issuer, jwks: JSON.stringify({ keys: example.keys }), clockSkew: "0s" }] });
  expect(send(bearer(example.token))).toBe("forwarded");
  clock.setNow("2011-03-22T18:43:01Z");
  expect(send(bearer(example.token))).toBe("authentication_expired");
});

test.each(RFC_EXAMPLES.filter(({ validAt }) => validAt === undefined))("$title, is refused at any time", (example) => {
  for (const now of ["2011-03-22T18:00:00Z", "2026-01-01T00:00:00Z"]) {
    clock.setNow(now);
    load({ jwtRules: [{ issuer: example.issuer, jwks: JSON.stringify({ keys: example.keys }) }] });
    expect(send(bearer(example.token)), now).toBe(example.details);
  }
});
