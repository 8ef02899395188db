import { expect, test } from "vitest";
import { join } from "./join.ts";

test("joins lists, and takes the plugin's word for all else", () => {
  const own = { policies: [{ name: "a" }], trustDomain: "cluster.local", pathNormalization: "BASE" };
  expect(join(own, { policies: [{ name: "b" }], pathNormalization: "NONE", trustedHops: 1 })).toEqual({
    policies: [{ name: "a" }, { name: "b" }],
    trustDomain: "cluster.local",
    pathNormalization: "NONE",
    trustedHops: 1,
  });
});

test("is the kind's where no plugin speaks", () => {
  const own = { policies: [] };
  expect(join(own, undefined)).toBe(own);
});
