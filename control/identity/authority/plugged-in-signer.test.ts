import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Certificate } from "../chain/index.ts";
import { openssl, temporary, verify } from "../testing/openssl.ts";
import { authorityOf, plug } from "../testing/plugged-in.ts";
import { quickRequest } from "../testing/requests.ts";
import { Authority, isPluggedIn, PluggedInSigner, type PluggedInSignerOptions } from "./index.ts";

const REVIEWS = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };

async function open(folder: string, options: PluggedInSignerOptions = {}): Promise<PluggedInSigner> {
  const signer = await PluggedInSigner.open(folder, options);
  onTestFinished(() => signer[Symbol.dispose]());
  return signer;
}

test.each([["EC"], ["RSA"]])("a root of %s that was given signs by itself", async (key) => {
  const folder = temporary();
  const root = authorityOf(folder, "root", { key });
  plug(folder, root, root);
  expect(isPluggedIn(folder)).toBe(true);
  const { chain, roots } = await new Authority({ signer: await open(folder) }).sign((await quickRequest()).csr, REVIEWS);
  expect(verify(folder, chain, roots)).toBe("OK");
  expect(Certificate.readAll(chain)).toHaveLength(1);
});

test.each<[string, readonly string[] | undefined, number]>([
  ["alone, under an intermediate of the root", ["lower", "upper", "root"], 3],
  ["without itself in the chain", ["upper"], 3],
  ["with the chain in another order", ["root", "upper", "lower"], 3],
])("an intermediate is plugged in: %s", async (_, names, length) => {
  const folder = temporary();
  const root = authorityOf(folder, "root");
  authorityOf(folder, "upper", { issuer: "root" });
  const lower = authorityOf(folder, "lower", { issuer: "upper", key: "RSA" });
  plug(
    folder,
    lower,
    root,
    names?.map((name) => join(folder, name)),
  );
  const authority = new Authority({ signer: await open(folder) });
  const { chain, roots } = await authority.sign((await quickRequest()).csr, REVIEWS);
  expect(verify(folder, chain, roots)).toBe("OK");
  const certificates = Certificate.readAll(chain);
  expect(certificates).toHaveLength(length);
  // A TLS connection need not show more than the client's own.
  expect(authority.problemsOf(certificates.slice(0, 1))).toEqual([]);
});

test.each<[string, (folder: string, root: string) => void, RegExp]>([
  ["no key", (folder) => rmSync(join(folder, "ca-key.pem")), /ca-key\.pem.*ENOENT/],
  [
    "the key of another",
    (folder) => copyFileSync(`${authorityOf(folder, "other")}.key`, join(folder, "ca-key.pem")),
    /is not that of its certificate/,
  ],
  [
    "a certificate of another root",
    (folder) => copyFileSync(`${authorityOf(folder, "other")}.pem`, join(folder, "root-cert.pem")),
    /no trusted root has signed it/,
  ],
  ["no certificate", (folder) => writeFileSync(join(folder, "ca-cert.pem"), "nothing"), /ca-cert\.pem: there is no certificate/],
  [
    "a broken certificate",
    (folder) => writeFileSync(join(folder, "root-cert.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    /root-cert\.pem: no certificate can be read/,
  ],
  [
    "a certificate of a workload",
    (folder) =>
      writeFileSync(
        join(folder, "ca-cert.pem"),
        openssl(["req", "-x509", "-key", join(folder, "root.key"), "-subj", "/CN=root", "-addext", "basicConstraints=critical,CA:false"]),
      ),
    /no trusted root|no certificate of an authority/,
  ],
])("files with %s are refused", async (_, damage, reason) => {
  const folder = temporary();
  const root = authorityOf(folder, "root");
  plug(folder, root, root);
  damage(folder, root);
  await expect(PluggedInSigner.open(folder)).rejects.toMatchObject({ code: "state", message: expect.stringMatching(reason) });
});

test("good files take the place of others while it runs, bad ones do not, and who was issued a certificate before is still known", async () => {
  const folder = temporary();
  const root = authorityOf(folder, "root");
  plug(folder, authorityOf(folder, "one", { issuer: "root" }), root);
  const warnings: string[] = [];
  const signer = await open(folder, { warn: (message) => warnings.push(message) });
  const authority = new Authority({ signer });
  let changes = 0;
  authority.onRootsChanged(() => void (changes += 1));
  const before = Certificate.readAll((await authority.sign((await quickRequest()).csr, REVIEWS)).chain);

  plug(folder, authorityOf(folder, "two", { issuer: "root" }), root);
  await signer.refresh();
  const after = Certificate.readAll((await authority.sign((await quickRequest()).csr, REVIEWS)).chain);
  expect([after[1]?.subject, changes]).toEqual([expect.stringContaining("CN=two"), 0]);
  expect(authority.problemsOf(before.slice(0, 1))).toEqual([]);

  writeFileSync(join(folder, "ca-key.pem"), "nothing");
  for (let i = 0; i < 2; i++) await signer.refresh();
  expect(warnings).toEqual([expect.stringMatching(/what was read before stays/)]);
  await authority.sign((await quickRequest()).csr, REVIEWS);

  // The change of a root: first both are trusted.
  const next = authorityOf(folder, "next");
  plug(folder, join(folder, "two"), root);
  writeFileSync(join(folder, "root-cert.pem"), readFileSync(`${root}.pem`, "utf8") + readFileSync(`${next}.pem`, "utf8"));
  await signer.refresh();
  expect([signer.roots().length, changes]).toEqual([2, 1]);
});
