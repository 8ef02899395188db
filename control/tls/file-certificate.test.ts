import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { selfSigned } from "../xds/transport/testing/certificate.ts";
import { FileCertificate, type ServerKeyPair } from "./index.ts";

function files(pair: Partial<ServerKeyPair>) {
  const folder = mkdtempSync(join(tmpdir(), "meshwright-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const at = { certificate: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const write = (file: "certificate" | "key", text: string) => {
    writeFileSync(`${at[file]}~`, text);
    renameSync(`${at[file]}~`, at[file]);
  };
  for (const file of ["certificate", "key"] as const) if (pair[file] !== undefined) write(file, pair[file]);
  return { at, write };
}

test("is the files, and is another when they are replaced, both of them", async () => {
  const [first, second] = [selfSigned(), selfSigned()];
  const { at, write } = files(first);
  const warnings: string[] = [];
  let changes = 0;
  using certificate = await FileCertificate.open({ ...at, every: 10, warn: (message) => void warnings.push(message) });
  const stop = certificate.onChange(() => (changes += 1));
  expect(certificate.current()).toEqual(first);
  write("certificate", second.certificate);
  await expect
    .poll(() => warnings)
    .toEqual([expect.stringMatching(/cert\.pem and .*key\.pem are no certificate with its key: .*; what was read/)]);
  expect([certificate.current(), changes]).toEqual([first, 0]);
  write("key", second.key);
  await expect.poll(() => certificate.current()).toEqual(second);
  expect(changes).toBe(1);
  stop();
  rmSync(at.key);
  await expect.poll(() => warnings.at(-1)).toContain("key.pem: ENOENT");
  expect(warnings).toHaveLength(2);
  expect(certificate.current()).toEqual(second);
});

test.each<[string, Partial<ServerKeyPair>, RegExp]>([
  ["a key that is not there", { certificate: "x" }, /key\.pem: ENOENT/],
  ["what is no certificate", { certificate: "x", key: "y" }, /cert\.pem and .*key\.pem are no certificate with its key/],
])("%s is told at the start", async (_, pair, reason) => {
  await expect(FileCertificate.open(files(pair).at)).rejects.toThrow(reason);
});
