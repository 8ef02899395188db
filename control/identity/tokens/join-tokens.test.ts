import { chmodSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporary } from "../testing/openssl.ts";
import { isJoinToken, JoinTokens } from "./index.ts";

const FOR = { namespace: "default", serviceAccount: "reviews" };
const HOUR = 3_600_000;
const [KEY, OTHER] = ["aa".repeat(32), "bb".repeat(32)];

test("a token lets in once, whoever has it, and who used it may repeat that with the same key", async () => {
  const tokens = JoinTokens.open(temporary());
  const { token, id } = tokens.create(FOR);
  expect(isJoinToken(token)).toBe(true);
  expect(tokens.check(token, KEY)).toMatchObject({ ...FOR, id, state: "active" });
  await tokens.use(token, KEY);
  expect(tokens.list()).toMatchObject([{ id, state: "spent", uses: 1, used: 1 }]);
  expect(() => tokens.check(token, OTHER)).toThrow(expect.objectContaining({ code: "token-spent" }));
  await expect(tokens.use(token, OTHER)).rejects.toMatchObject({ code: "token-spent" });
  await tokens.use(token, KEY);
  expect(tokens.list()).toMatchObject([{ used: 1 }]);
});

test("the repetition ends after an hour", async () => {
  let now = Date.now();
  const tokens = JoinTokens.open(temporary(), { clock: () => now });
  const { token } = tokens.create({ ...FOR, lifetime: 24 * HOUR });
  await tokens.use(token, KEY);
  now += HOUR;
  expect(() => tokens.check(token, KEY)).toThrow(expect.objectContaining({ code: "token-spent" }));
});

test("what is on the disk is hashes, for the owner alone, and is there after a restart", async () => {
  const folder = temporary();
  const first = JoinTokens.open(folder);
  const created = first.create({ ...FOR, uses: 3 });
  await first.use(created.token, KEY);
  const content = readFileSync(join(folder, "join-tokens.json"), "utf8");
  // The secret may have underscores of its own.
  expect(content).not.toContain(created.token.split("_").slice(2).join("_"));
  expect(statSync(join(folder, "join-tokens.json")).mode & 0o777).toBe(0o600);
  const second = JoinTokens.open(folder);
  expect(second.list()).toEqual(first.list());
  await second.use(created.token, OTHER);
  expect(second.list()).toMatchObject([{ used: 2, state: "active" }]);
});

test("a thousand uses at once are counted one by one, and not one more is let in", async () => {
  const tokens = JoinTokens.open(temporary());
  const { token } = tokens.create({ ...FOR, uses: 1000 });
  const keys = Array.from({ length: 1010 }, (_, i) => i.toString(16).padStart(64, "0"));
  const results = await Promise.allSettled(keys.map((key) => tokens.use(token, key)));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1000);
  expect(tokens.list()).toMatchObject([{ used: 1000, state: "spent" }]);
});

test("the same key twice at once is one use", async () => {
  const tokens = JoinTokens.open(temporary());
  const { token } = tokens.create(FOR);
  await Promise.all([tokens.use(token, KEY), tokens.use(token, KEY)]);
  expect(tokens.list()).toMatchObject([{ used: 1 }]);
});

describe("refused", () => {
  test.each<[string, (token: string) => string]>([
    ["nothing", () => ""],
    ["the beginning alone", () => "mwj_"],
    ["another secret", (token) => `${token.slice(0, -43)}${"A".repeat(43)}`],
    ["another id", (token) => `mwj_0000000000000000_${token.slice(21)}`],
    ["one letter more", (token) => `${token}A`],
    ["one letter less", (token) => token.slice(0, -1)],
    ["another last letter", (token) => `${token.slice(0, -1)}${token.endsWith("A") ? "E" : "A"}`],
    ["in capitals", (token) => token.toUpperCase()],
  ])("%s", (_, change) => {
    const tokens = JoinTokens.open(temporary());
    const { token } = tokens.create(FOR);
    expect(() => tokens.check(change(token), KEY)).toThrow(expect.objectContaining({ code: "token-unknown" }));
  });

  test("one of another mesh", () => {
    const { token } = JoinTokens.open(temporary()).create(FOR);
    expect(() => JoinTokens.open(temporary()).check(token, KEY)).toThrow(expect.objectContaining({ code: "token-unknown" }));
  });

  test("one that has expired, and it is forgotten a day later", () => {
    let now = Date.now();
    const tokens = JoinTokens.open(temporary(), { clock: () => now });
    const { token, id } = tokens.create({ ...FOR, lifetime: HOUR });
    now += HOUR;
    expect(() => tokens.check(token, KEY)).toThrow(
      expect.objectContaining({ code: "token-expired", message: expect.stringContaining(id) }),
    );
    expect(tokens.list()).toMatchObject([{ id, state: "expired" }]);
    now += 24 * HOUR + 1;
    expect(tokens.list()).toEqual([]);
    expect(() => tokens.check(token, KEY)).toThrow(expect.objectContaining({ code: "token-unknown" }));
  });

  test("one that is revoked, for who has used it too, and after a restart", async () => {
    const folder = temporary();
    const tokens = JoinTokens.open(folder);
    const { token, id } = tokens.create({ ...FOR, uses: 2 });
    await tokens.use(token, KEY);
    expect(tokens.revoke(id)).toBe(true);
    expect(tokens.revoke("0000000000000000")).toBe(false);
    for (const each of [tokens, JoinTokens.open(folder)])
      expect(() => each.check(token, KEY)).toThrow(expect.objectContaining({ code: "token-revoked" }));
  });

  test("no message has the secret in it", async () => {
    let now = Date.now();
    const tokens = JoinTokens.open(temporary(), { clock: () => now });
    const { token, id } = tokens.create(FOR);
    await tokens.use(token, KEY);
    const messages: string[] = [];
    const attempt = (text: string) => {
      try {
        tokens.check(text, OTHER);
      } catch (error) {
        messages.push((error as Error).message);
      }
    };
    attempt(token);
    attempt(`${token}x`);
    tokens.revoke(id);
    attempt(token);
    now += 2 * HOUR;
    attempt(token);
    expect(messages).toHaveLength(4);
    for (const message of messages) expect(message).not.toContain(token.slice(-43, -20));
  });

  test.each([
    [{ ...FOR, namespace: "" }, /namespace "" is no name/],
    [{ ...FOR, namespace: "a/b" }, /namespace "a\/b" is no name/],
    [{ ...FOR, serviceAccount: "a\0b" }, /service account "a\\u0000b"/],
    [{ ...FOR, uses: 0 }, /1 to 10000 uses/],
    [{ ...FOR, uses: 1.5 }, /1 to 10000 uses/],
    [{ ...FOR, uses: 10_001 }, /1 to 10000 uses/],
    [{ ...FOR, lifetime: 0 }, /a second to 90 days/],
    [{ ...FOR, lifetime: NaN }, /a second to 90 days/],
    [{ ...FOR, lifetime: 91 * 24 * HOUR }, /a second to 90 days/],
  ])("a token for %j is not made", (request, reason) => {
    const tokens = JoinTokens.open(temporary());
    expect(() => tokens.create(request)).toThrow(
      expect.objectContaining({ code: "token-invalid", message: expect.stringMatching(reason) }),
    );
    expect(tokens.list()).toEqual([]);
  });
});

describe("files", () => {
  test("a full disk: no use is counted that is not stored, no token is made, and it goes on when there is room", async () => {
    const folder = temporary();
    const tokens = JoinTokens.open(folder);
    const { token } = tokens.create(FOR);
    const beside = join(folder, "join-tokens.json.new");
    const fill = () => symlinkSync("/dev/full", beside);
    fill();
    await expect(tokens.use(token, KEY)).rejects.toMatchObject({ code: "state", message: expect.stringContaining("ENOSPC") });
    fill();
    expect(() => tokens.create(FOR)).toThrow(expect.objectContaining({ code: "state" }));
    fill();
    expect(() => tokens.revoke(token.slice(4, 20))).toThrow(expect.objectContaining({ code: "state" }));
    expect(tokens.list()).toMatchObject([{ used: 0, state: "active" }]);
    rmSync(beside, { force: true });
    await tokens.use(token, KEY);
    expect(JoinTokens.open(folder).list()).toMatchObject([{ used: 1 }]);
  });

  test.each<[string, (file: string) => void, RegExp]>([
    ["damaged", (file) => writeFileSync(file, readFileSync(file, "utf8").replace("default", "defaulu")), /damaged.*or move it away/],
    ["open to others", (file) => chmodSync(file, 0o604), /may be read by others/],
  ])("a file that is %s is refused", (_, damage, reason) => {
    const folder = temporary();
    JoinTokens.open(folder).create(FOR);
    damage(join(folder, "join-tokens.json"));
    expect(() => JoinTokens.open(folder)).toThrow(expect.objectContaining({ code: "state", message: expect.stringMatching(reason) }));
  });
});
