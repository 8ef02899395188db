import { expect, test } from "vitest";
import type { Contribution } from "../model/index.ts";
import { countLabelKeys, noLabelKeys } from "./label-keys.ts";
import { contributed, gateway } from "./testing/contributions.ts";

/** What an object adds that selects by these labels. */
function selecting(...keys: readonly string[]): Contribution {
  const selector = Object.fromEntries(keys.map((key) => [key, "x"]));
  return contributed("g", (object) => ({ gateways: [gateway(object, [], { selector })] })).spec;
}

const one = selecting("app", "version");
const two = selecting("app");

test("keys are those that some contribution selects by, until the last of them goes", () => {
  const both = countLabelKeys(noLabelKeys, [], [one, two]);
  expect([...both.keys].toSorted()).toEqual(["app", "version"]);
  const left = countLabelKeys(both, [one], []);
  expect([...left.keys]).toEqual(["app"]);
  expect(countLabelKeys(left, [two], []).keys).toEqual(new Set());
});

test("the set is the same one as long as its members are", () => {
  const both = countLabelKeys(noLabelKeys, [], [one, two]);
  expect(countLabelKeys(both, [two], []).keys).toBe(both.keys);
  expect(countLabelKeys(both, [one], [selecting("app", "version")])).toBe(both);
  expect(countLabelKeys(both, [], [{}])).toBe(both);
});
