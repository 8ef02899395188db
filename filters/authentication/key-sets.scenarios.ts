import { createServer, type Server } from "node:net";
import { generateKeyPairSync } from "node:crypto";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { binaryProvider, envoyTarget } from "../../harness/envoy/index.ts";
import { cluster, connectionManager, httpWasm, listener, stringValue } from "../../harness/envoy/bootstrap/index.ts";
import { inProcessTarget } from "../../harness/host/index.ts";
import "../../harness/vitest.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import type { CalloutAnswer, CalloutRequest, ChainSpec, RunningTarget } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { ALGORITHMS, ISSUER, keySet, sign, signingKey } from "./tokens.mts";

// Key sets by URI, from servers that mean no good. Not `scenario`: Envoy's main thread and its workers each fetch keys, at times of their own, so that
// metrics and logs differ. What the endpoint does over time stands in authentication.test.ts, on a clock that can be advanced.

const entry = fileURLToPath(new URL("index.ts", import.meta.url));
const rs256 = await signingKey("RS256");
const token = await sign(rs256);
const bearer = (value: string): [string, string] => ["authorization", `Bearer ${value}`];
const URI = "https://issuer.example.com/keys?v=1";
const remote = { issuer: ISSUER, jwksUri: URI, jwksCluster: "issuer" };

/** A chain with the filter, whose cluster `issuer` answers so. */
const answering =
  (answer: CalloutAnswer | ((request: CalloutRequest) => CalloutAnswer), fields: object = {}) =>
  async (): Promise<ChainSpec> => ({
    filters: [{ name: "authentication", module: await compileFilter(entry), configuration: { jwtRules: [{ ...remote, ...fields }] } }],
    callouts: { issuer: typeof answer === "function" ? answer : () => answer },
  });

function onEachTarget(title: string, chain: () => Promise<ChainSpec>, body: (run: RunningTarget) => Promise<void>): void {
  for (const target of [inProcessTarget, envoyTarget]) {
    test(`${title} (${target.name})`, { timeout: 30_000 }, async (context) => {
      await requireTarget(target, context);
      await using running = await target.start(await chain());
      await body(running);
    });
  }
}

describe("a key set that is served as it should be", () => {
  const requests: CalloutRequest[] = [];
  const served = answering((request) => (requests.push(request), { status: 200, body: keySet(rs256), delay: 50 }));
  onEachTarget("lets the first token wait for it", served, async (run) => {
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toForward({});
    const other = await sign(rs256, {}, { kid: "other" });
    expect(await run.send({ path: "/", headers: [bearer(other)] })).toRespond(401, "authentication_unknown_key");
  });

  // With this option Envoy brings the body of a request that waits; to answer it with Continue, as no callback at all does, lets the request go on.
  const early = async () => {
    const { filters, ...rest } = await answering({ status: 200, body: keySet(rs256), delay: 200 })();
    return { ...rest, filters: filters.map((filter) => ({ ...filter, allowOnHeadersStopIteration: true })) };
  };
  onEachTarget("holds a request back whose body comes before the keys", early, async (run) => {
    const [head, payload] = token.split(".");
    const forged = `${head}.${payload}.${(await sign(rs256, { sub: "bob" })).split(".")[2]}`;
    const post = { path: "/", method: "POST", chunks: ["a", "b", "c"] };
    expect(await run.send({ ...post, headers: [bearer(forged)] })).toRespond(401, "authentication_signature");
    expect((await run.send({ ...post, headers: [bearer(token)] })).request?.body).toBe("abc");
  });

  const counted: string[] = [];
  const counting = answering(
    (request) => (counted.push(request.headers.find(([name]) => name === ":path")?.[1] ?? ""), { status: 200, body: keySet(rs256) }),
  );
  onEachTarget("is not fetched again for each unknown kid", counting, async (run) => {
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toForward({});
    counted.length = 0;
    for (let i = 0; i < 20; i++) {
      const made = await sign(rs256, {}, { kid: `made up ${i}` });
      expect(await run.send({ path: "/", headers: [bearer(made)] })).toRespond(401, "authentication_unknown_key");
    }
    // Envoy's main thread may be late with its first fetch.
    expect(counted.length).toBeLessThanOrEqual(1);
  });

  const hosts = new Set<string>();
  const inside = { jwksUri: "http://169.254.169.254/latest/meta-data" };
  const recording = answering(
    (request) => (hosts.add(request.headers.find(([name]) => name === ":authority")?.[1] ?? ""), { status: 404 }),
    inside,
  );
  onEachTarget("comes from jwksCluster alone, wherever jwksUri points (CVE-2026-41413)", recording, async (run) => {
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toRespond(401, "authentication_no_keys");
    expect([...hosts]).toEqual(["169.254.169.254"]);
  });

  const many = Array.from({ length: 255 }, (_, index) => ({
    ...generateKeyPairSync("ec", { namedCurve: "P-521" }).publicKey.export({ format: "jwk" }),
    kid: `${index}`,
  }));
  const last = JSON.stringify({ keys: [...many, rs256.jwk] });
  onEachTarget("may hold 256 keys", answering({ status: 200, body: last }), async (run) => {
    const started = performance.now();
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toForward({});
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("a first fetch denies where it gets", () => {
  const good = keySet(rs256);
  const secrets = (count: number) =>
    JSON.stringify({ keys: Array.from({ length: count }, (_, index) => ({ kty: "oct", k: "A".repeat(43), kid: `${index}` })) });
  const rows: ReadonlyArray<readonly [title: string, answer: CalloutAnswer]> = [
    ["an error", { status: 500, body: good }],
    ["no content", { status: 204 }],
    ["a partial answer", { status: 206, body: good }],
    ...[301, 302, 303, 307, 308].map(
      (status) =>
        [`a redirect, ${status}, with a key set`, { status, headers: [["location", "http://127.0.0.1/"]], body: good } as const] as const,
    ),
    ["nothing", { status: 200, body: "" }],
    ["a page", { status: 200, body: "<html>" }],
    ["bytes that are no text", { status: 200, body: Uint8Array.from({ length: 1_000 }, (_, index) => (index * 167) & 0xff) }],
    ["UTF-16", { status: 200, body: Buffer.from(good, "utf16le") }],
    ["a BOM", { status: 200, body: `\ufeff${good}` }],
    ["a NUL behind", { status: 200, body: `${good}\0` }],
    ["a key set that is cut", { status: 200, body: good.slice(0, -2) }],
    ["two key sets", { status: 200, body: good + good }],
    ["keys twice", { status: 200, body: `{"keys":[],${good.slice(1)}` }],
    ["deep nesting", { status: 200, body: `{"keys":${"[".repeat(100_000)}` }],
    ["an empty key set", { status: 200, body: '{"keys":[]}' }],
    ["no key set", { status: 200, body: "{}" }],
    [
      "only keys that cannot verify",
      {
        status: 200,
        body: JSON.stringify({
          keys: [
            { ...rs256.jwk, use: "enc" },
            { kty: "oct", k: "AAAA" },
          ],
        }),
      },
    ],
    ["thousands of keys", { status: 200, body: secrets(3_000) }],
    ["257 keys", { status: 200, body: secrets(257) }],
    ["more than 256 KiB", { status: 200, body: `{"x":"${"x".repeat(300_000)}",${good.slice(1)}` }],
    ["8 MiB", { status: 200, body: `{"x":"${"x".repeat(8 << 20)}",${good.slice(1)}` }],
    ["a reset", { reset: true }],
  ];
  for (const [title, answer] of rows) {
    onEachTarget(title, answering(answer), async (run) => {
      expect(await run.send({ path: "/", headers: [bearer(token)] })).toRespond(401, "authentication_no_keys");
      expect(await run.send({ path: "/" })).toForward({});
    });
  }

  onEachTarget("an answer later than timeout", answering({ status: 200, body: good, delay: 1_000 }, { timeout: "0.2s" }), async (run) => {
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toRespond(401, "authentication_no_keys");
  });

  const unknown = async () => ({ ...(await answering({ status: 200, body: good })()), callouts: {} });
  onEachTarget("no cluster of that name", unknown, async (run) => {
    expect(await run.send({ path: "/", headers: [bearer(token)] })).toRespond(401, "authentication_no_keys");
    expect(await run.send({ path: "/" })).toForward({});
  });

  // No key stands in for those that did not come, be it one that everybody knows (CVE-2026-31837).
  onEachTarget("an error, whatever the token is signed with", answering({ status: 503 }), async (run) => {
    for (const alg of ALGORITHMS) {
      const key = await signingKey(alg);
      expect(await run.send({ path: "/", headers: [bearer(await sign(key))] }), alg).toRespond(401, "authentication_no_keys");
    }
    for (const secret of ["", "secret", "a".repeat(32)]) {
      const made = await sign({ ...(await signingKey("HS256")), privateKey: Buffer.from(secret.padEnd(32, "\0")) });
      expect(await run.send({ path: "/", headers: [bearer(made)] })).toRespond(401, "authentication_no_keys");
    }
  });

  const second = { ...remote, issuer: "https://other.example.com", fromHeaders: [{ name: "x-other" }] };
  const two = async (): Promise<ChainSpec> => ({
    filters: [{ name: "authentication", module: await compileFilter(entry), configuration: { jwtRules: [remote, second] } }],
    callouts: { issuer: () => ({ status: 500, delay: 20 }) },
  });
  onEachTarget("an error, with two tokens of two issuers (CVE-2025-64527)", two, async (run) => {
    const other = await sign(rs256, { iss: second.issuer });
    for (let i = 0; i < 3; i++) {
      const results = await Promise.all([
        run.send({ path: "/", headers: [bearer(token), ["x-other", other]] }),
        run.send({ path: "/", headers: [["x-other", other]] }),
      ]);
      for (const result of results) expect(result).toRespond(401, "authentication_no_keys");
    }
    expect(await run.send({ path: "/" })).toForward({});
  });
});

describe("an outage", () => {
  let good = true;
  const fields = { timeout: "0.5s", cacheDuration: "1s", staleDuration: "2s" };
  const failing = answering(() => (good ? { status: 200, body: keySet(rs256) } : { status: 503 }), fields);
  onEachTarget("lets the last good set serve for staleDuration, then none, then the next one", failing, async (run) => {
    const send = () => run.send({ path: "/", headers: [bearer(token)] });
    /** Time passes while an upstream takes it: on the host's clock as on Envoy's. */
    const pass = (milliseconds: number) => run.send({ path: "/slow", response: { delay: milliseconds } });
    good = true;
    expect(await send()).toForward({});
    good = false;
    await pass(2_000);
    expect(await send()).toForward({});
    await pass(3_500);
    expect(await send()).toRespond(401, "authentication_no_keys");
    good = true;
    for (let i = 0; i < 40 && (await send()).status !== 200; i++) await pass(200);
    expect(await send()).toForward({});
  });
});

/** Envoy with the filter and a server that says byte for byte what it is told. */
async function behind(server: Server, fields: object, body: (send: () => Promise<Response>) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const filter = httpWasm({
    name: "authentication",
    vm_config: { vm_id: "authentication", runtime: "envoy.wasm.runtime.v8", code: { local: { filename: await compileFilter(entry) } } },
    failure_policy: "FAIL_CLOSED",
    configuration: stringValue(JSON.stringify({ jwtRules: [{ ...remote, ...fields }] })),
  });
  const host = { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] };
  try {
    await using envoy = await binaryProvider.start({
      static_resources: {
        listeners: [listener("main", [{ filters: [connectionManager({ stat_prefix: "main" }, [filter], [host])] }])],
        clusters: [cluster("issuer", "127.0.0.1", port)],
      },
    });
    await body(() => fetch(`http://127.0.0.1:${envoy.address("main").port}/`, { headers: [bearer(token)] }));
  } finally {
    server.close();
  }
}

describe("an endpoint that lies about its length", () => {
  const good = keySet(rs256);
  test.for([
    ["too long: the rest never comes", good.length + 1_000, good],
    ["too short: the rest is no second answer", good.length - 10, good],
    ["no number", "many", good],
    ["negative", -1, good],
    ["beyond 64 bits", "99999999999999999999", good],
  ] as const)("%s", { timeout: 30_000 }, async ([, length, sent], context) => {
    await requireTarget(envoyTarget, context);
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n${sent}`));
    });
    await behind(server, { timeout: "0.5s" }, async (send) => {
      expect((await send()).status).toBe(401);
    });
  });

  test("an answer without end", { timeout: 30_000 }, async (context) => {
    await requireTarget(envoyTarget, context);
    let sent = 0;
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
      const pour = () => {
        while (!socket.destroyed && sent < 1 << 28 && socket.write(chunk)) sent += chunk.length;
      };
      socket.on("drain", pour);
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        pour();
      });
    });
    await behind(server, { timeout: "0.5s" }, async (send) => {
      expect((await send()).status).toBe(401);
    });
  });
});
