import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileFilter } from "../../filters/testing/assembly.ts";
import { checkResponse, readCheckRequest, type CheckResponse } from "../../filters/testing/ext-authz.ts";
import {
  binaryProvider,
  cluster,
  connectionManager,
  envoyTarget,
  httpWasm,
  listener,
  proxyProtocol,
  stringValue,
  typed,
  type Extension,
} from "../../harness/envoy/index.ts";
import { dial } from "../../harness/envoy/client/dial.ts";
import { Http1Connection } from "../../harness/envoy/client/http1.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { CONNECTION_MANAGER } from "../../harness/target/index.ts";
import { messagesOf, startUpstream, type RecordedRequest } from "../../harness/upstreams/index.ts";

// Envoy's own ext_authz and ours, in one Envoy with one authoriser: both must ask the same about generated requests, and make the same of generated answers,
// or ours must deny.

/** The same in every run of the tests; a soak (scripts/soak.ts) takes another each time. */
const SEED = Number(process.env["MESHWRIGHT_EXT_AUTHZ_SEED"] ?? 1);
const RUNS = Number(process.env["MESHWRIGHT_EXT_AUTHZ_RUNS"] ?? 150);

const names = fc.constantFrom("x-a", "x-b", "x-c", "x-user", "authorization", "cookie", "user-agent");
const text = fc.string({ unit: fc.constantFrom(...'abz09 ,;=/"'.split("")), maxLength: 8 }).map((value) => value.trim());
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "DELETE"),
  path: fc.constantFrom("/", "/a", "/a?b=c", "/a/b?b=c&d=&b=e&f", "/?q", "/a%20b?x=%41"),
  headers: fc.array(fc.tuple(names, text), { maxLength: 6 }),
  body: fc.oneof(fc.constant(""), fc.constantFrom("hello", "hello world", "{}", "x".repeat(40))),
});

const option = fc.record(
  {
    name: fc.oneof(names, fc.constantFrom("X-Up", "x-new", "host", ":path")),
    value: fc.oneof(text, fc.constant("/n?e=w")),
    append: fc.boolean(),
    appendAction: fc.nat(3),
  },
  { requiredKeys: ["name", "value"] },
);
const key = fc.constantFrom("b", "d", "q", "new");
const word = fc.string({ unit: fc.constantFrom(..."abz09".split("")), maxLength: 4 });
const response: fc.Arbitrary<CheckResponse> = fc.oneof(
  fc.record({
    code: fc.constant(0),
    ok: fc.record(
      {
        headers: fc.array(option, { maxLength: 4 }),
        headersToRemove: fc.array(fc.oneof(names, fc.constantFrom(":path", "host", "X-A")), { maxLength: 2 }),
        responseHeaders: fc.array(option, { maxLength: 4 }),
        queryToSet: fc.array(fc.tuple(key, word), { maxLength: 2 }),
        queryToRemove: fc.array(key, { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record(
    {
      code: fc.constantFrom(1, 7, 16, -1),
      denied: fc.record({ status: fc.constantFrom(302, 401, 403, 429, 500), headers: fc.array(option, { maxLength: 3 }), body: text }),
    },
    { requiredKeys: ["code"] },
  ),
  fc.record(
    { code: fc.constantFrom(0, 7), denied: fc.record({ body: text }), ok: fc.record({}), error: fc.record({}) },
    { requiredKeys: [] },
  ),
);

/** What an authoriser sees, without what differs between two listeners and two requests. */
function compared(message: Uint8Array) {
  const { id: _, seconds: __, ...rest } = readCheckRequest(message);
  return rest;
}

/** The parameters of a query by name, in whichever order: Envoy sorts them. */
function comparedPath(path: string): string {
  const [before = "", query] = path.split("?");
  const parameters = (query ?? "").split("&").filter((parameter) => parameter !== "");
  return `${before}?${parameters
    .map((parameter) => (parameter.includes("=") ? parameter : `${parameter}=`))
    .toSorted()
    .join("&")}`;
}

test(`${RUNS} generated requests and answers (seed ${SEED})`, { timeout: 60_000 + RUNS * 200 }, async (context) => {
  await requireTarget(envoyTarget, context);
  let answer: Uint8Array = new Uint8Array(0);
  let asked: Uint8Array | undefined;
  let forwarded: RecordedRequest | undefined;
  await using upstream = await startUpstream({
    script: (received) => {
      forwarded = received;
      return {
        status: 200,
        headers: [
          ["x-a", "u"],
          ["x-user", "u"],
        ],
      };
    },
  });
  await using authoriser = await startUpstream({
    script: (received) => {
      asked = messagesOf(Buffer.from(received.body))?.[0];
      return { status: 200, body: { base64: Buffer.from(answer).toString("base64") } };
    },
  });
  const filename = await compileFilter(join(import.meta.dirname, "../../filters/authorization/index.ts"));
  const ours = (provider: object): Extension =>
    httpWasm({
      name: "authorization",
      vm_config: { vm_id: "authorization", runtime: "envoy.wasm.runtime.v8", code: { local: { filename } } },
      failure_policy: "FAIL_CLOSED",
      allow_on_headers_stop_iteration: true,
      configuration: stringValue(
        JSON.stringify({
          extensionProviders: [
            { name: "p", envoyExtAuthzGrpc: { cluster: "authoriser", timeout: "5s", statusOnError: "503", ...provider } },
          ],
          policies: [{ name: "c", action: "CUSTOM", provider: { name: "p" }, rules: [{}] }],
        }),
      ),
    });
  const native = (settings: object): Extension => ({
    name: "ext_authz",
    typed_config: typed("filters.http.ext_authz.v3.ExtAuthz", {
      transport_api_version: "V3",
      grpc_service: { envoy_grpc: { cluster_name: "authoriser" }, timeout: "5s" },
      status_on_error: { code: "ServiceUnavailable" },
      ...settings,
    }),
  });
  const host = { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "upstream" } }] };
  const filters: Readonly<Record<string, Extension>> = {
    "native-none": native({}),
    "ours-none": ours({}),
    "native-text": native({ with_request_body: { max_request_bytes: 10, allow_partial_message: true } }),
    "ours-text": ours({ includeRequestBodyInCheck: { maxRequestBytes: 10, allowPartialMessage: true } }),
    "native-bytes": native({ with_request_body: { max_request_bytes: 20, pack_as_bytes: true } }),
    "ours-bytes": ours({ includeRequestBodyInCheck: { maxRequestBytes: 20, packAsBytes: true } }),
  };
  await using envoy = await binaryProvider.start({
    static_resources: {
      listeners: Object.entries(filters).map(([name, filter]) =>
        listener(name, [{ filters: [connectionManager({ ...CONNECTION_MANAGER }, [filter], [host])] }], [proxyProtocol()]),
      ),
      clusters: [
        cluster("upstream", "127.0.0.1", upstream.port, { protocol: "http1" }),
        cluster("authoriser", "127.0.0.1", authoriser.port, { protocol: "http2" }),
      ],
    },
  });

  async function ask(name: string, sent: typeof request extends fc.Arbitrary<infer T> ? T : never) {
    asked = forwarded = undefined;
    const { socket, port } = await dial({
      ...envoy.address(name),
      source: "10.1.2.3:4000",
      destination: "10.4.5.6:80",
      alpn: ["http/1.1"],
    });
    const connection = new Http1Connection(socket, port);
    const pieces = sent.body === "" ? [] : [Buffer.from(sent.body)];
    const got = await connection.exchange({ ...sent, authority: "shop.example", scheme: "http", pieces, streamed: false, trailers: [] });
    connection.close();
    const seen = forwarded as RecordedRequest | undefined;
    return {
      status: got?.status ?? 0,
      asked: asked === undefined ? undefined : compared(asked),
      shown: got?.headers
        .filter(([header]) => /^x-(a|b|c|user|up|new)$|^authorization$|^cookie$/.test(header))
        .map(String)
        .toSorted(),
      forwarded:
        seen === undefined
          ? undefined
          : {
              method: seen.method,
              path: comparedPath(seen.path),
              authority: seen.authority,
              body: Buffer.from(seen.body).toString(),
              headers: seen.headers
                .filter(([header]) => !/^x-envoy|^x-forwarded|^content-length$/.test(header))
                .map(String)
                .toSorted(),
            },
    };
  }

  let forwardings = 0;
  let denials = 0;
  for (const [run, [sent, answered]] of fc.sample(fc.tuple(request, response), { seed: SEED, numRuns: RUNS }).entries()) {
    answer = checkResponse(answered);
    const kind = ["none", "text", "bytes"][run % 3] ?? "none";
    const theirs = await ask(`native-${kind}`, sent);
    const own = await ask(`ours-${kind}`, sent);
    const about = JSON.stringify({ seed: SEED, run, kind, sent, answered, theirs, own }, undefined, 1);
    expect(own.asked, about).toEqual(theirs.asked);
    if (own.forwarded === undefined && ((answered.code ?? 0) === 0 || answered.error !== undefined)) {
      // Envoy would have let it pass, made a request of it that no upstream takes, or taken the last of several answers.
      expect([403, 413, 503], about).toContain(own.status);
      continue;
    }
    if (own.forwarded === undefined) denials++;
    else forwardings++;
    expect({ ...own, asked: undefined }, about).toEqual({ ...theirs, asked: undefined });
  }
  // Denials of what Envoy lets pass must be rare, or nothing was compared.
  expect(forwardings).toBeGreaterThan(RUNS / 10);
  expect(denials).toBeGreaterThan(RUNS / 30);
});
