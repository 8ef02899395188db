import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect } from "vitest";
import type { CalloutRequest, ChainSpec } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { checkResponse, readCheckRequest } from "../testing/ext-authz.ts";
import { scenario } from "../testing/scenario.ts";

// `includeRequestBodyInCheck`, over HTTP and over gRPC.

const entry = fileURLToPath(new URL("index.ts", import.meta.url));

// Not in the time of the first scenario.
beforeAll(async () => {
  await compileFilter(entry);
});

let asked: CalloutRequest[] = [];
const lastHeader = (name: string) => asked.at(-1)?.headers.find(([key]) => key === name)?.[1];
const lastBody = () => Buffer.from(asked.at(-1)?.body ?? []).toString("latin1");
const lastCheck = () => readCheckRequest(asked.at(-1)?.body ?? new Uint8Array(0));

type Kind = "envoyExtAuthzHttp" | "envoyExtAuthzGrpc";

/** An authoriser that allows, unless the body that it sees has the word "evil". */
const custom = (kind: Kind, includeRequestBodyInCheck: object | undefined) => async (): Promise<ChainSpec> => {
  asked = [];
  return {
    filters: [
      {
        name: "authorization",
        module: await compileFilter(entry),
        allowOnHeadersStopIteration: true,
        configuration: {
          extensionProviders: [
            { name: "p", [kind]: { cluster: "portal", timeout: "2s", ...(includeRequestBodyInCheck && { includeRequestBodyInCheck }) } },
          ],
          policies: [{ name: "c", action: "CUSTOM", provider: { name: "p" }, rules: [{ to: [{ operation: { paths: ["/a*"] } }] }] }],
        },
      },
    ],
    callouts: {
      portal: (request) => {
        asked.push(request);
        const evil = Buffer.from(request.body).includes("evil");
        if (kind === "envoyExtAuthzHttp") return { status: evil ? 403 : 200 };
        return { status: 200, body: checkResponse({ code: evil ? 7 : 0 }) };
      },
    },
  };
};

const post = (more: object) => ({ path: "/a", method: "POST", protocol: "h2", ...more }) as const;

for (const kind of ["envoyExtAuthzHttp", "envoyExtAuthzGrpc"] as const) {
  describe(`${kind}: the body`, () => {
    const partial = () =>
      kind === "envoyExtAuthzHttp" ? lastHeader("x-envoy-auth-partial-body") : lastCheck().headers["x-envoy-auth-partial-body"];
    const body = () => (kind === "envoyExtAuthzHttp" ? lastBody() : lastCheck().body);

    scenario("is seen whole, and goes on whole", { chain: custom(kind, { maxRequestBytes: 100 }) }, async (run) => {
      const result = await run.send(post({ body: "hello world" }));
      expect(result).toForward();
      expect(result.request?.body).toBe("hello world");
      expect(body()).toBe("hello world");
      expect(partial()).toBe("false");
      expect(await run.send(post({ body: "an evil body" }))).toRespond(403, "authorization_denied_policy[c]_rule[0]");
    });
    scenario("is seen whole over HTTP/1.1 too", { chain: custom(kind, { maxRequestBytes: 100 }) }, async (run) => {
      const result = await run.send({ path: "/a", method: "POST", body: "hello world" });
      expect(result).toForward();
      expect(result.request?.body).toBe("hello world");
      expect(body()).toBe("hello world");
      expect(await run.send({ path: "/a", method: "POST", body: "an evil body" })).toRespond(403);
    });
    scenario(
      "is seen whole where it comes in pieces, and before trailers",
      { chain: custom(kind, { maxRequestBytes: 100 }) },
      async (run) => {
        const result = await run.send(post({ chunks: ["hel", "lo ", "world"], trailers: [["x-end", "1"]] }));
        expect(result).toForward();
        expect(result.request?.body).toBe("hello world");
        expect(body()).toBe("hello world");
        expect(partial()).toBe("false");
        expect(await run.send(post({ chunks: ["an ev", "il body"], trailers: [["x-end", "1"]] }))).toRespond(403);
        expect(await run.send(post({ chunks: ["an evil body"], trailers: [["x-end", "1"]] }))).toRespond(403);
      },
    );
    scenario("is not waited for where there is none", { chain: custom(kind, { maxRequestBytes: 100 }) }, async (run) => {
      expect(await run.send({ path: "/a" })).toForward();
      expect(partial()).toBeUndefined();
      expect(body()).toBe("");
    });
    scenario("that is longer is answered with 413", { chain: custom(kind, { maxRequestBytes: 10 }) }, async (run) => {
      expect(await run.send(post({ body: "0123456789" }))).toForward();
      expect(await run.send(post({ body: "0123456789a" }))).toRespond(413, "request_payload_too_large");
      expect(asked).toHaveLength(1);
      expect(await run.metrics()).toMatchObject({ "authorization.denied": 1 });
    });
    scenario(
      "that is longer is seen in part where that is allowed",
      { chain: custom(kind, { maxRequestBytes: 10, allowPartialMessage: true }) },
      async (run) => {
        const result = await run.send(post({ body: "0123456789abc" }));
        expect(result).toForward();
        expect(result.request?.body).toBe("0123456789abc");
        expect(body()).toBe("0123456789");
        expect(partial()).toBe("true");
        const pieces = await run.send(post({ chunks: ["01234", "56789", "abc"] }));
        expect(pieces).toForward();
        expect(pieces.request?.body).toBe("0123456789abc");
        expect(body()).toBe("0123456789");
        expect(partial()).toBe("true");
        expect(await run.send(post({ body: "evil 6789abc" }))).toRespond(403);
        expect(await run.send(post({ body: "short" }))).toForward();
        expect(partial()).toBe("false");
      },
    );
    scenario(
      "is seen whatever `upgrade` says, but for that of a WebSocket",
      { chain: custom(kind, { maxRequestBytes: 100 }) },
      async (run) => {
        const evil = { path: "/a", method: "POST", body: "an evil body" };
        expect(await run.send({ ...evil, headers: [["upgrade", "websocket"]] })).toRespond(403, "authorization_denied_policy[c]_rule[0]");
        expect(await run.send({ path: "/a", protocol: "websocket", body: "an evil message" })).toForward();
        expect(body()).toBe("");
        expect(partial()).toBe("true");
      },
    );
    // Without the setting: Envoy lets a paused request go on where a body callback answers Continue.
    scenario("does not carry a request past the authoriser", { chain: custom(kind, undefined) }, async (run) => {
      const result = await run.send(post({ chunks: ["one", "two"] }));
      expect(result).toForward();
      expect(result.request?.body).toBe("onetwo");
      expect(asked).toHaveLength(1);
      expect(body()).toBe("");
    });
    scenario("is large", { chain: custom(kind, { maxRequestBytes: 200_000, allowPartialMessage: true }) }, async (run) => {
      const result = await run.send(post({ body: "x".repeat(300_000) }));
      expect(result).toForward();
      expect(body()).toHaveLength(200_000);
      expect(result.request?.body).toHaveLength(300_000);
    });
  });
}

describe("packAsBytes", () => {
  const bytes = { base64: Buffer.from("caf\xe9", "latin1").toString("base64") };

  scenario(
    "sends the bytes as they are",
    { chain: custom("envoyExtAuthzGrpc", { maxRequestBytes: 100, packAsBytes: true }) },
    async (run) => {
      expect(await run.send(post({ body: bytes }))).toForward();
      expect(lastCheck()).toMatchObject({ body: "", rawBody: "caf\xe9", size: 4 });
    },
  );
  scenario(
    "else what is no UTF-8 becomes an exclamation mark",
    { chain: custom("envoyExtAuthzGrpc", { maxRequestBytes: 100 }) },
    async (run) => {
      expect(await run.send(post({ body: bytes }))).toForward();
      expect(lastCheck()).toMatchObject({ body: "caf!", rawBody: "", size: 4 });
    },
  );
});
