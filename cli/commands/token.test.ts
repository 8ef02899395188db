import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminWithAuthority } from "../testing/identity.ts";
import { meshwright } from "../testing/run.ts";

let admin: AdminWithAuthority;
let withToken: readonly string[];
let reading: readonly string[];

beforeAll(async () => {
  admin = await AdminWithAuthority.start();
  const [write, read] = [join(admin.folder, "write"), join(admin.folder, "read")];
  await writeFile(write, `${admin.token}\n`);
  await writeFile(read, admin.readToken);
  withToken = ["--admin", admin.url, "--token-file", write];
  reading = ["--admin", admin.url, "--token-file", read];
});
afterAll(() => admin[Symbol.asyncDispose]());

const CREATE = ["token", "create", "-n", "default", "-s", "reviews"];

test("a token is made, listed without its secret, and revoked", async () => {
  const created = await meshwright([...CREATE, ...withToken]);
  expect(created).toMatchObject({ code: 0, output: expect.stringMatching(/^mwj_[0-9a-f]{16}_[\w-]{43}\n$/) });
  expect(created.errors).toMatch(/^token [0-9a-f]{16}: one workload of default\/reviews, until \d{4}-/);
  const id = created.output.slice(4, 20);
  expect(admin.identity.tokens.check(created.output.trim(), "")).toMatchObject({ id });

  const listed = await meshwright(["token", "list", "--admin", admin.url]);
  expect(listed.output).toMatch(new RegExp(`^ID .*EXPIRES\n${id} +default +reviews +active +0/1 +\\d{4}-`));
  expect(listed.output).not.toContain(created.output.trim().slice(-43));

  expect(await meshwright(["token", "revoke", id, ...withToken])).toMatchObject({ code: 0, output: `token ${id} is revoked\n` });
  expect((await meshwright(["token", "list", "--admin", admin.url, "--output", "json"])).output).toContain('"state": "revoked"');
});

test.each<[string, () => readonly string[], number, RegExp]>([
  ["without a token", () => [...CREATE, "--admin", admin.url], 1, /bearer token is wanted/],
  ["with the token that may read", () => [...CREATE, ...reading], 1, /this token or certificate may read/],
  ["for no namespace", () => ["token", "create", "-n", "a/b", "-s", "reviews", ...withToken], 1, /namespace "a\/b" is no name/],
  ["for too many uses", () => [...CREATE, "--uses", "10001", ...withToken], 1, /1 to 10000 uses/],
  ["for uses that are no number", () => [...CREATE, "--uses", "many", ...withToken], 2, /--uses many/],
  ["for a lifetime that is none", () => [...CREATE, "--lifetime", "long", ...withToken], 1, /"lifetime": "1h"/],
  ["without a service account", () => ["token", "create", "-n", "default", ...withToken], 2, /--service-account/],
])("no token is made %s", async (_, parameters, code, errors) => {
  const count = admin.identity.tokens.list().length;
  expect(await meshwright(parameters())).toMatchObject({ code, output: "", errors: expect.stringMatching(errors) });
  expect(admin.identity.tokens.list()).toHaveLength(count);
});

test("one that is not there cannot be revoked", async () => {
  expect(await meshwright(["token", "revoke", "0000", ...withToken])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("there is no token 0000"),
  });
});
