import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { scenario } from "../testing/scenario.ts";
import { compileFilter } from "../testing/assembly.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));
const filter = (configuration: object) => async () => ({
  filters: [{ name: "authentication", module: await compileFilter(entry), configuration }],
});

const sha256 = (key: string) => createHash("sha256").update(key).digest("hex");
const provider = {
  fromHeaders: [{ name: "x-api-key" }, { name: "authorization", prefix: "ApiKey " }],
  fromParams: ["key"],
  fromCookies: ["key"],
  consumers: [
    { name: "mobile", sha256: [sha256("secret-1"), sha256("secret-2").toUpperCase()] },
    { name: "batch", sha256: [sha256("secret-3")] },
  ],
  outputConsumerToHeader: "x-consumer",
};
const required = filter({ apiKeys: [provider], required: true });

scenario("a known key passes with its consumer's name, and is taken away", { chain: required }, async (run) => {
  const header = await run.send({
    path: "/",
    headers: [
      ["x-api-key", "secret-2"],
      ["x-consumer", "forged"],
    ],
  });
  expect(header).toSendHeader("x-consumer", "mobile");
  expect(header).toSendHeader("x-api-key");
  const query = await run.send({ path: "/?key=secret-3" });
  expect(query).toSendHeader("x-consumer", "batch");
  expect(query.request?.path).toBe("/");
  expect(await run.send({ path: "/", headers: [["cookie", "key=secret-1"]] })).toSendHeader("x-consumer", "mobile");
  expect(await run.send({ path: "/", headers: [["authorization", "ApiKey secret-1"]] })).toSendHeader("x-consumer", "mobile");
});

scenario("an unknown key is refused, and none where one is required", { chain: required }, async (run) => {
  for (const key of ["wrong", "secret-11", "secret-", sha256("secret-1"), "secret-1 x"]) {
    expect(await run.send({ path: "/", headers: [["x-api-key", key]] }), key).toRespond(401, "authentication_api_key");
  }
  expect(await run.send({ path: "/?key=wrong" })).toRespond(401, "authentication_api_key");
  expect(await run.send({ path: "/?key=" })).toRespond(401, "authentication_api_key");
  expect(await run.send({ path: "/", headers: [["x-consumer", "mobile"]] })).toRespond(401, "authentication_missing");
  expect(await run.send({ path: "/", headers: [["authorization", "Bearer secret-1"]] })).toRespond(401, "authentication_missing");
});

scenario("several keys must be the same consumer's", { chain: required }, async (run) => {
  expect(await run.send({ path: "/?key=secret-1", headers: [["x-api-key", "secret-2"]] })).toSendHeader("x-consumer", "mobile");
  expect(await run.send({ path: "/?key=secret-1", headers: [["x-api-key", "secret-3"]] })).toRespond(401, "authentication_api_key");
  expect(await run.send({ path: "/?key=secret-1&key=secret-1" })).toRespond(401, "authentication_api_key");
  const lines: Array<[string, string]> = [
    ["x-api-key", "secret-1"],
    ["x-api-key", "secret-1"],
  ];
  expect(await run.send({ path: "/", headers: lines })).toRespond(401, "authentication_api_key");
});

scenario("forwardOriginalKey", { chain: filter({ apiKeys: [{ ...provider, forwardOriginalKey: true }] }) }, async (run) => {
  expect(await run.send({ path: "/", headers: [["x-api-key", "secret-1"]] })).toSendHeader("x-api-key", "secret-1");
  expect((await run.send({ path: "/?key=secret-1" })).request?.path).toBe("/?key=secret-1");
  expect(await run.send({ path: "/", headers: [["x-consumer", "forged"]] })).toSendHeader("x-consumer");
});

const partner = {
  fromHeaders: [{ name: "x-api-key" }],
  consumers: [{ name: "partner", sha256: [sha256("secret-4")] }],
  outputConsumerToHeader: "x-partner",
};
scenario("several providers at one place", { chain: filter({ apiKeys: [provider, partner] }) }, async (run) => {
  const mobile = await run.send({ path: "/", headers: [["x-api-key", "secret-1"]] });
  expect(mobile).toSendHeader("x-consumer", "mobile");
  expect(mobile).toSendHeader("x-partner");
  const other = await run.send({
    path: "/",
    headers: [
      ["x-api-key", "secret-4"],
      ["x-consumer", "mobile"],
    ],
  });
  expect(other).toSendHeader("x-partner", "partner");
  expect(other).toSendHeader("x-consumer");
  expect(await run.send({ path: "/" })).toForward();
});
