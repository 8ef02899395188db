import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporary } from "../testing/openssl.ts";
import { Revocations } from "./index.ts";

const REVIEWS = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };
const URI = "spiffe://cluster.local/ns/default/sa/reviews";
const revoked = expect.objectContaining({ code: "revoked" }) as Error;

test("an identity that is revoked is, by every name of the trust domain, until it is restored; others are not", () => {
  const revocations = Revocations.open(temporary());
  revocations.require(REVIEWS);
  revocations.revoke(URI);
  expect(() => revocations.require(REVIEWS)).toThrow(revoked);
  expect(() => revocations.require({ ...REVIEWS, trustDomain: "old.example" })).toThrow(revoked);
  revocations.require({ ...REVIEWS, namespace: "prod" });
  revocations.require({ ...REVIEWS, serviceAccount: "reviews2" });
  expect(revocations.restore(URI)).toBe(true);
  expect(revocations.restore(URI)).toBe(false);
  revocations.require(REVIEWS);
});

test.each([["0A:bc:DE"], ["abcde"], ["0ABCDE"]])("a certificate is revoked by its serial number, written as %s", (serial) => {
  const revocations = Revocations.open(temporary());
  revocations.revoke(serial);
  expect(() => revocations.require(REVIEWS, "0abcde")).toThrow(revoked);
  revocations.require(REVIEWS, "abcdef");
});

test.each([[""], ["spiffe://cluster.local/ns/default"], ["reviews"], ["xyz"], ["a".repeat(41)]])("%j cannot be revoked", (subject) => {
  expect(() => Revocations.open(temporary()).revoke(subject)).toThrow(expect.objectContaining({ code: "revocation" }));
});

test("is there after a restart, and is told to who listens, once", () => {
  const folder = temporary();
  const revocations = Revocations.open(folder);
  const heard: string[] = [];
  const end = revocations.onRevoked((subject) => void heard.push(subject));
  for (let i = 0; i < 2; i++) revocations.revoke(URI);
  end();
  revocations.revoke("0a");
  expect(heard).toEqual([URI]);
  expect(Revocations.open(folder).list()).toMatchObject([{ subject: "a" }, { subject: URI }]);
});

test("the number of a certificate is forgotten when no such certificate can be good any more, an identity never", () => {
  let now = Date.now();
  const revocations = Revocations.open(temporary(), { clock: () => now });
  revocations.revoke("a1");
  revocations.revoke(URI);
  now += 91 * 86_400_000;
  revocations.revoke("a2");
  expect(revocations.list().map(({ subject }) => subject)).toEqual(["a2", URI]);
});

test("a full disk: nothing is revoked, and that is said", () => {
  const folder = temporary();
  const revocations = Revocations.open(folder);
  symlinkSync("/dev/full", join(folder, "revocations.json.new"));
  expect(() => revocations.revoke(URI)).toThrow(expect.objectContaining({ code: "state" }));
  expect(revocations.list()).toEqual([]);
});
