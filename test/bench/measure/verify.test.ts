import { once } from "node:events";
import { createServer } from "node:http2";
import { afterEach, expect, test } from "vitest";
import type { HeaderList } from "../../../harness/target/index.ts";
import type { Variant } from "../variants/variant.ts";
import { verify } from "./verify.ts";

const cleanup: Array<() => void> = [];
afterEach(() => {
  for (const close of cleanup.splice(0)) close();
});

/** Answers 403 to whom it does not know, and says which user it saw. */
async function serve(): Promise<number> {
  const server = createServer();
  server.on("session", (session) => cleanup.push(() => session.destroy()));
  server.on("stream", (stream, headers) => {
    const user = headers["x-user"];
    stream.respond({ ":status": user === "bob" ? 503 : user === undefined ? 403 : 200, "x-seen": user }, { endStream: true });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

const request = (user?: string): HeaderList => [[":path", "/"], ...(user === undefined ? [] : [["x-user", user] as const])];
const variant = (asked: Partial<Variant>): Variant => ({
  id: "v",
  title: "v",
  request: request("ann"),
  prepare: async () => ({ filters: [] }),
  ...asked,
});

test("who does the job is not complained about", async () => {
  const expected = { "x-seen": "ann", "x-other": undefined };
  await expect(verify(variant({ expected, refused: request() }), await serve())).resolves.toBeUndefined();
});

test.each<{ what: string; asked: Partial<Variant>; message: string }>([
  { what: "a request that is not answered with 200", asked: { request: request() }, message: "v answers 403, not 200" },
  {
    what: "another header",
    asked: { expected: { "x-seen": "eve" } },
    message: "v does another job: expected x-seen: eve, got ann",
  },
  {
    what: "a header that should not be there",
    asked: { expected: { "x-seen": undefined } },
    message: "v does another job: expected x-seen: undefined, got ann",
  },
  { what: "a request that should be refused", asked: { refused: request("eve") }, message: "v answers 200 where it must refuse" },
  { what: "a failure instead of a refusal", asked: { refused: request("bob") }, message: "v answers 503 where it must refuse" },
])("$what is an error", async ({ asked, message }) => {
  await expect(verify(variant(asked), await serve())).rejects.toThrow(message);
});
