import fc from "fast-check";
import { expect, test } from "vitest";
import { formatSpiffeId, inTrustDomain, parseSpiffeId } from "./index.ts";

const REVIEWS = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };

test("an id is read as what it was written from", () => {
  expect(formatSpiffeId(REVIEWS)).toBe("spiffe://cluster.local/ns/default/sa/reviews");
  expect(parseSpiffeId("spiffe://cluster.local/ns/default/sa/reviews")).toEqual(REVIEWS);
  expect(parseSpiffeId("spiffe://example_1.com/ns/a-b/sa/c.d-e")).toEqual({
    trustDomain: "example_1.com",
    namespace: "a-b",
    serviceAccount: "c.d-e",
  });
});

test.each([
  ["", "is no SPIFFE id"],
  ["https://cluster.local/ns/default/sa/reviews", "is no SPIFFE id"],
  ["SPIFFE://cluster.local/ns/default/sa/reviews", "is no SPIFFE id"],
  ["spiffe://cluster.local/ns/default/sa/reviews/", "is no SPIFFE id"],
  ["spiffe://cluster.local/ns/default/sa/reviews/more", "is no SPIFFE id"],
  ["spiffe://cluster.local/ns//default/sa/reviews", "is no SPIFFE id"],
  ["spiffe://cluster.local/sa/reviews/ns/default", "is no SPIFFE id"],
  ["spiffe://cluster.local/ns/default/sa/reviews\n", "service account"],
  ["spiffe:///ns/default/sa/reviews", "trust domain"],
  ["spiffe://Cluster.local/ns/default/sa/reviews", "trust domain"],
  ["spiffe://cluster.local:443/ns/default/sa/reviews", "trust domain"],
  ["spiffe://me@cluster.local/ns/default/sa/reviews", "trust domain"],
  [`spiffe://${"a".repeat(256)}/ns/default/sa/reviews`, "trust domain"],
  ["spiffe://cluster.local/ns//sa/reviews", "namespace"],
  ["spiffe://cluster.local/ns/Default/sa/reviews", "namespace"],
  [`spiffe://cluster.local/ns/${"a".repeat(64)}/sa/reviews`, "namespace"],
  ["spiffe://cluster.local/ns/../sa/reviews", "namespace"],
  ["spiffe://cluster.local/ns/default/sa/", "service account"],
  ["spiffe://cluster.local/ns/default/sa/..", "service account"],
  ["spiffe://cluster.local/ns/default/sa/a..b", "service account"],
  ["spiffe://cluster.local/ns/default/sa/admin\0.reviews", "admin\\\\u0000.reviews"],
  ["spiffe://cluster.local/ns/default/sa/rеviews", "r\\\\u0435views"],
  ["spiffe://cluster.local/ns/default/sa/re%76iews", "service account"],
  ["spiffe://cluster.local/ns/default/sa/reviews?admin", "service account"],
  ["spiffe://cluster.local/ns/default/sa/reviews#admin", "service account"],
  [`spiffe://cluster.local/ns/default/sa/${"a".repeat(254)}`, "service account"],
  [`spiffe://cluster.local/ns/default/sa/${"a".repeat(3000)}`, "at most 2048 bytes"],
])("%j is no id, and is said to be none in ASCII", (uri, problem) => {
  const said = parseSpiffeId(uri);
  expect(said).toMatch(new RegExp(problem));
  expect(said).toMatch(/^[\x20-\x7e]{1,600}$/);
});

test("whatever is read is written as it was read", () => {
  const part = fc.string({ unit: fc.constantFrom(..."ab0.-_/A\0é%"), maxLength: 8 });
  fc.assert(
    fc.property(part, part, part, (domain, namespace, account) => {
      const uri = `spiffe://${domain}/ns/${namespace}/sa/${account}`;
      const read = parseSpiffeId(uri);
      if (typeof read !== "string") expect(formatSpiffeId(read)).toBe(uri);
    }),
    { numRuns: 2000 },
  );
});

test("an alias of the trust domain is the same mesh, another trust domain is not", () => {
  const domains = { trustDomain: "new.example", trustDomainAliases: ["old.example"] };
  const of = (trustDomain: string) => inTrustDomain({ ...REVIEWS, trustDomain }, domains);
  expect(of("new.example")).toEqual({ ...REVIEWS, trustDomain: "new.example" });
  expect(of("old.example")).toEqual({ ...REVIEWS, trustDomain: "new.example" });
  expect(of("example")).toBeUndefined();
});
