import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect } from "vitest";
import { scenario } from "../testing/scenario.ts";
import type { CalloutAnswer, ChainSpec } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { checkResponse, messageField, readCheckRequest } from "../testing/ext-authz.ts";

// Authorisers that are slow, down, or answer nonsense. A failure is answered with `statusOnError`, or lets the request go on with `failOpen`; what Envoy's own
// `ext_authz` would take and this filter does not is a denial either way.

const entry = fileURLToPath(new URL("index.ts", import.meta.url));

// Not in the time of the first scenario.
beforeAll(async () => {
  await compileFilter(entry);
});

type Outcome = "failed" | "denied";
type Row = readonly [title: string, answer: CalloutAnswer, outcome: Outcome];

const bytes = (...parts: ReadonlyArray<Uint8Array | string>) => Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
const hex = (digits: string) => Buffer.from(digits.replaceAll(" ", ""), "hex");
const message = (body: Uint8Array): CalloutAnswer => ({ status: 200, body });
const ok = checkResponse({ code: 0 });
const allowed = (header: object) => message(checkResponse({ code: 0, ok: { headers: [header as { name: string; value: string }] } }));

const grpc: readonly Row[] = [
  ["too late", { status: 200, body: ok, delay: 1_500 }, "failed"],
  ["a reset", { reset: true }, "failed"],
  ["an error of gRPC", { status: 200, trailers: [["grpc-status", "13"]] }, "failed"],
  ["a status of HTTP", { status: 503 }, "failed"],
  ["no message", { status: 200 }, "failed"],
  ["an empty message", message(new Uint8Array(0)), "denied"],
  ["text", message(Buffer.from("<html>everything is fine</html>")), "failed"],
  ["a field that is cut off", message(ok.subarray(0, 1)), "failed"],
  ["a length past the end", message(hex("0a 05 08")), "failed"],
  ["a length of 4 GiB", message(bytes(ok, hex("1a ff ff ff ff 0f"))), "failed"],
  ["a number of eleven bytes", message(bytes(ok, hex("48 80 80 80 80 80 80 80 80 80 80 01"))), "failed"],
  ["field 0", message(bytes(ok, hex("02 00"))), "failed"],
  ["a group", message(bytes(ok, hex("4b 4c"))), "failed"],
  ["a broken message that denies", message(bytes(checkResponse({ code: 7 }), hex("02 00"))), "denied"],
  ["a status that is a number", message(hex("08 00")), "denied"],
  ["two statuses", message(bytes(checkResponse({ code: 7 }), ok)), "denied"],
  ["two ok_response", message(bytes(ok, messageField(3), messageField(3))), "denied"],
  ["denied_response beside status 0", message(checkResponse({ code: 0, denied: { status: 200 } })), "denied"],
  ["denied_response and no status", message(checkResponse({ denied: {} })), "denied"],
  ["error_response", message(checkResponse({ code: 13, error: { status: 500 } })), "failed"],
  ["a header with a line break", allowed({ name: "x-a", value: "1\r\nx-admin: 1" }), "denied"],
  ["a header with a NUL", allowed({ name: "x-a", value: "1\0" }), "denied"],
  ["a header without a name", allowed({ name: "", value: "1" }), "denied"],
  ["a header whose name is none", allowed({ name: "x a", value: "1" }), "denied"],
  ["a header that is no UTF-8", allowed({ name: "x-a", value: Uint8Array.of(0xff) }), "denied"],
  ["a pseudo-header that there is not", allowed({ name: ":admin", value: "1" }), "denied"],
  ["a path that is none", allowed({ name: ":path", value: "admin" }), "denied"],
  ["an action that there is not", allowed({ name: "x-a", value: "1", appendAction: 9 }), "denied"],
  ["a query with a space", message(checkResponse({ code: 0, ok: { queryToSet: [["a", "b HTTP/1.1"]] } })), "denied"],
  ["a query with two parameters in one", message(checkResponse({ code: 0, ok: { queryToSet: [["a", "b&admin=1"]] } })), "denied"],
  [
    "a thousand headers more than it may",
    message(checkResponse({ code: 0, ok: { headers: Array.from({ length: 2_001 }, (_, i) => ({ name: `x-${i}`, value: "1" })) } })),
    "denied",
  ],
  ["two megabytes", message(checkResponse({ code: 7, denied: { body: "x".repeat(2 << 20) } })), "failed"],
];

const http: readonly Row[] = [
  ["too late", { status: 200, delay: 1_500 }, "failed"],
  ["a reset", { reset: true }, "failed"],
  ["500", { status: 500, body: "oh" }, "failed"],
  ["599", { status: 599 }, "failed"],
  ["204", { status: 204 }, "denied"],
  ["206", { status: 206, body: "yes" }, "denied"],
  ["a denial of two megabytes", { status: 401, body: "x".repeat(2 << 20) }, "denied"],
];

const chain =
  (kind: "envoyExtAuthzHttp" | "envoyExtAuthzGrpc", rows: readonly Row[], failOpen: boolean) => async (): Promise<ChainSpec> => ({
    filters: [
      {
        name: "authorization",
        module: await compileFilter(entry),
        configuration: {
          extensionProviders: [
            {
              name: "p",
              [kind]: {
                cluster: "portal",
                timeout: "500ms",
                statusOnError: "503",
                failOpen,
                ...(kind === "envoyExtAuthzHttp" && { includeRequestHeadersInCheck: ["x-row"] }),
              },
            },
          ],
          policies: [{ name: "c", action: "CUSTOM", provider: { name: "p" }, rules: [{}] }],
        },
      },
    ],
    callouts: {
      portal: ({ headers, body }) => {
        const sent = kind === "envoyExtAuthzHttp" ? Object.fromEntries(headers) : readCheckRequest(body).headers;
        return rows[Number(sent["x-row"])]?.[1] ?? { status: 500 };
      },
    },
  });

for (const [kind, rows] of [
  ["envoyExtAuthzHttp", http],
  ["envoyExtAuthzGrpc", grpc],
] as const) {
  describe(kind, () => {
    scenario("fails closed", { chain: chain(kind, rows, false) }, async (run) => {
      for (const [row, [title, , outcome]] of rows.entries()) {
        const { status, details } = await run.send({ path: "/", headers: [["x-row", String(row)]] });
        const expected =
          outcome === "failed"
            ? { status: 503, details: "authorization_denied_provider_failed" }
            : { status: 403, details: "authorization_denied_policy[c]_rule[0]" };
        expect({ status, details }, title).toEqual(expected);
      }
      const failed = rows.filter(([, , outcome]) => outcome === "failed").length;
      expect(await run.metrics()).toMatchObject({ "authorization.custom_errors": failed, "authorization.denied": rows.length });
    });
    scenario("fails open where asked to, and denies all the same what was no failure", { chain: chain(kind, rows, true) }, async (run) => {
      for (const [row, [title, , outcome]] of rows.entries()) {
        const { status } = await run.send({ path: "/", headers: [["x-row", String(row)]] });
        expect(status, title).toBe(outcome === "failed" ? 200 : 403);
      }
    });
  });
}
