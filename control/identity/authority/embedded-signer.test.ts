import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Certificate } from "../chain/index.ts";
import { temporary, verify } from "../testing/openssl.ts";
import { quickRequest } from "../testing/requests.ts";
import { Authority, EmbeddedSigner } from "./index.ts";

const REVIEWS = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NAME = { name: "cluster.local" };

test("the root is made at the first start, is there again at the next, and is for its owner alone", async () => {
  const folder = join(temporary(), "state", "ca");
  const first = await EmbeddedSigner.open(folder, NAME);
  const second = await EmbeddedSigner.open(folder, NAME);
  expect(second.roots()).toEqual(first.roots());
  expect(statSync(join(folder, "authority.json")).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const [root] = Certificate.readAll(first.roots().join(""));
  expect(root).toMatchObject({
    ca: true,
    selfSigned: true,
    subject: expect.stringMatching(/^O=cluster\.local, CN=Meshwright root [0-9a-f]{8}$/),
  });
  const { csr } = await quickRequest();
  const { chain, roots } = await new Authority({ signer: second }).sign(csr, REVIEWS);
  expect(verify(folder, chain, roots)).toBe("OK");
});

test("another authority's certificate does not lead to this one's root", async () => {
  const [one, other] = [await EmbeddedSigner.open(temporary(), NAME), await EmbeddedSigner.open(temporary(), NAME)];
  const { chain } = await new Authority({ signer: one }).sign((await quickRequest()).csr, REVIEWS);
  const foreign = Certificate.readAll(chain);
  expect(new Authority({ signer: one }).problemsOf(foreign)).toEqual([]);
  expect(new Authority({ signer: other }).problemsOf(foreign)).toEqual([expect.objectContaining({ code: "untrusted" })]);
  expect(verify(temporary(), chain, other.roots().join(""))).toContain("unable to get local issuer certificate");
});

describe("rotation", () => {
  test("in every phase, what was signed before and after is good with the roots of that phase and of the one before", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const signer = await EmbeddedSigner.open(temporary(), { ...NAME, clock: () => now });
    const authority = new Authority({ signer, clock: () => now });
    const changes: string[] = [];
    authority.onRootsChanged(() => void changes.push(signer.rotation.phase));
    const issue = async () => Certificate.readAll((await authority.sign((await quickRequest()).csr, REVIEWS)).chain);
    const stable = await issue();
    const rootsOfStable = authority.roots();

    await signer.prepare();
    const prepared = await issue();
    expect(signer.roots()).toHaveLength(2);
    // Who has not heard of the new root yet still takes what is signed.
    expect(prepared[0]?.issuer).toBe(stable[0]?.issuer);
    expect(authority.roots()).toContain(rootsOfStable);

    signer.switch();
    const switched = await issue();
    expect(switched[0]?.issuer).not.toBe(stable[0]?.issuer);
    for (const chain of [stable, prepared, switched]) expect(authority.problemsOf(chain)).toEqual([]);

    expect(() => signer.retire()).toThrow(/certificates of the old root are good until 2026-01-02T01:00:00/);
    now += 25 * HOUR + 1000;
    const renewed = await issue();
    signer.retire();
    expect(signer.roots()).toHaveLength(1);
    expect(authority.problemsOf(renewed)).toEqual([]);
    expect(authority.problemsOf(stable).map(({ code }) => code)).toContain("untrusted");
    expect(changes).toEqual(["prepared", "switched", "stable"]);
  });

  test("each phase is there after a restart", async () => {
    const folder = temporary();
    const steps: readonly ((signer: EmbeddedSigner) => Promise<void> | void)[] = [
      (signer) => signer.prepare(),
      (signer) => signer.switch(),
      (signer) => signer.retire(),
    ];
    for (const step of steps) {
      const signer = await EmbeddedSigner.open(folder, NAME);
      await step(signer);
      const again = await EmbeddedSigner.open(folder, NAME);
      expect([again.rotation, again.roots()]).toEqual([signer.rotation, signer.roots()]);
    }
  });

  test("a step out of turn is refused, and a new root can be given up", async () => {
    const signer = await EmbeddedSigner.open(temporary(), NAME);
    const before = signer.roots();
    expect(() => signer.switch()).toThrow(/in the phase prepared; this is stable/);
    expect(() => signer.retire(true)).toThrow(/in the phase switched/);
    await signer.prepare();
    await expect(signer.prepare()).rejects.toThrow(/in the phase stable; this is prepared/);
    signer.cancel();
    expect(signer.roots()).toEqual(before);
  });

  test("by force the old root goes at once, and its key is gone from the disk", async () => {
    const folder = temporary();
    const signer = await EmbeddedSigner.open(folder, NAME);
    await new Authority({ signer }).sign((await quickRequest()).csr, REVIEWS);
    const key = (
      JSON.parse(readFileSync(join(folder, "authority.json"), "utf8").split("\n")[1] ?? "") as {
        readonly signing: { readonly key: string };
      }
    ).signing.key;
    await signer.prepare();
    signer.switch();
    expect(() => signer.retire()).toThrow(/retire it then, or by force now/);
    signer.retire(true);
    expect(readFileSync(join(folder, "authority.json"), "utf8")).not.toContain(JSON.stringify(key));
  });
});

describe("the clock", () => {
  test("steps back before the root began: nothing is issued, and why is said", async () => {
    let now = Date.now();
    const signer = await EmbeddedSigner.open(temporary(), { ...NAME, clock: () => now });
    const authority = new Authority({ signer, clock: () => now });
    now -= DAY;
    await expect(authority.sign((await quickRequest()).csr, REVIEWS)).rejects.toMatchObject({
      code: "signer",
      message: expect.stringMatching(/is this machine's clock right\?/),
    });
    now += DAY;
    await authority.sign((await quickRequest()).csr, REVIEWS);
  });

  test("passes the root's end: the same; before it, no certificate outlives the root", async () => {
    let now = Date.now();
    const signer = await EmbeddedSigner.open(temporary(), { ...NAME, rootLifetime: 2 * DAY, clock: () => now });
    const authority = new Authority({ signer, clock: () => now });
    now += DAY + 12 * HOUR;
    const { notAfter } = await authority.sign((await quickRequest()).csr, REVIEWS);
    expect(notAfter).toBe(authority.expiry().root);
    now += DAY;
    await expect(authority.sign((await quickRequest()).csr, REVIEWS)).rejects.toMatchObject({
      code: "signer",
      message: expect.stringContaining("meshwright certs rotate"),
    });
  });

  test.each([[-1], [999], [NaN], [Infinity], [91 * DAY]])("a lifetime of %s ms is refused", async (lifetime) => {
    const authority = new Authority({ signer: await EmbeddedSigner.open(temporary(), NAME) });
    await expect(authority.sign((await quickRequest()).csr, REVIEWS, lifetime)).rejects.toMatchObject({ code: "lifetime" });
  });
});

describe("files", () => {
  test.each<[string, (content: string) => string, RegExp]>([
    ["cut off", (content) => content.slice(0, -20), /damaged: its checksum is another; bring it back from a backup/],
    ["with one bit turned", (content) => content.replace("BEGIN CERT", "BEGIN CERU"), /damaged/],
    ["empty", () => "", /is no meshwright authority/],
    ["of something else", () => '{"a": 1}\n', /is no meshwright authority/],
    ["of a later version", (content) => content.replace('"version":1', '"version":2'), /is of version 2, and 1 is read/],
  ])("a file %s is refused, and left as it is: no new root takes its place", async (_, damage, reason) => {
    const folder = temporary();
    await EmbeddedSigner.open(folder, NAME);
    const file = join(folder, "authority.json");
    const damaged = damage(readFileSync(file, "utf8"));
    writeFileSync(file, damaged);
    await expect(EmbeddedSigner.open(folder, NAME)).rejects.toMatchObject({ code: "state", message: expect.stringMatching(reason) });
    expect(readFileSync(file, "utf8")).toBe(damaged);
  });

  test("a file that others may read is refused", async () => {
    const folder = temporary();
    await EmbeddedSigner.open(folder, NAME);
    chmodSync(join(folder, "authority.json"), 0o640);
    await expect(EmbeddedSigner.open(folder, NAME)).rejects.toThrow(/may be read by others \(mode 640\)/);
  });

  test("a full disk at the first start: no root, and nothing half written", async () => {
    const folder = temporary();
    symlinkSync("/dev/full", join(folder, "authority.json.new"));
    await expect(EmbeddedSigner.open(folder, NAME)).rejects.toMatchObject({ code: "state", message: expect.stringContaining("ENOSPC") });
    expect(existsSync(join(folder, "authority.json"))).toBe(false);
  });

  test("a full disk while certificates are issued: they are, and it is said; a rotation is refused, and nothing has changed", async () => {
    const folder = temporary();
    const warnings: string[] = [];
    const signer = await EmbeddedSigner.open(folder, { ...NAME, warn: (message) => warnings.push(message) });
    const authority = new Authority({ signer });
    const before = authority.roots();
    const beside = join(folder, "authority.json.new");
    symlinkSync("/dev/full", beside);
    for (let i = 0; i < 3; i++) await authority.sign((await quickRequest()).csr, REVIEWS);
    expect(warnings).toEqual([expect.stringContaining("ENOSPC")]);
    rmSync(beside, { force: true });
    symlinkSync("/dev/full", beside);
    await expect(signer.prepare()).rejects.toMatchObject({ code: "state" });
    expect([authority.roots(), signer.rotation.phase]).toEqual([before, "stable"]);
    rmSync(beside, { force: true });
    await signer.prepare();
  });

  test("a directory that is a file is refused", async () => {
    const path = join(temporary(), "ca");
    writeFileSync(path, "");
    await expect(EmbeddedSigner.open(path, NAME)).rejects.toMatchObject({ code: "state" });
    mkdirSync(`${path}-other`);
  });

  test("killed at any moment while it rotates and issues, it is whole, and what it had issued is good", async () => {
    const folder = temporary();
    const writer = fileURLToPath(new URL("../testing/rotating.ts", import.meta.url));
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, [writer, folder], { stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.on("data", (bytes: Buffer) => void (output += bytes.toString()));
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, round * 13));
      child.kill("SIGKILL");
      await once(child, "close");
      const signer = await EmbeddedSigner.open(folder, NAME);
      // The last one that was whole when the process died, and signed by a root that was not retired since.
      const [last = ""] = output.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----\n(?!.*-----BEGIN)/s) ?? [];
      expect(new Authority({ signer }).problemsOf(Certificate.readAll(last)).filter(({ code }) => code !== "untrusted")).toEqual([]);
      expect(["stable", "prepared", "switched"]).toContain(signer.rotation.phase);
    }
  });
});
