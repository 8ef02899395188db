import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EchoMesh, to, virtualService } from "../testing/echo-mesh.ts";

/** What is matched and rewritten; the path of a request, and what the service sees of it. */
type Row = readonly [what: string, match: object | undefined, rewrite: object, path: string, seen: string];

const prefix = { uri: { prefix: "/old" } };

const PATHS: readonly Row[] = [
  ["the prefix that was matched", prefix, { uri: "/new" }, "/old/a?b=c", "/new/a?b=c"],
  ["the prefix, also within a segment", prefix, { uri: "/new" }, "/older", "/newer"],
  ["a prefix without its slash, by one, makes two of one", prefix, { uri: "/" }, "/old/a", "//a"],
  ["a prefix with its slash, by one", { uri: { prefix: "/old/" } }, { uri: "/" }, "/old/a", "/a"],
  ["a prefix of any case", { uri: { prefix: "/OLD" }, ignoreUriCase: true }, { uri: "/new" }, "/old/a", "/new/a"],
  ["a whole path", { uri: { exact: "/old" } }, { uri: "/new" }, "/old?b=c", "/new?b=c"],
  ["what a regular expression matched: the whole path", { uri: { regex: "/o.*" } }, { uri: "/new" }, "/old/a?b=c", "/new?b=c"],
  ["the slash that all paths begin with, where no path was asked for", { method: { exact: "GET" } }, { uri: "/h" }, "/foo", "/hfoo"],
  ["the same without any match", undefined, { uri: "/h/" }, "/foo", "/h/foo"],
  [
    "parts by a regular expression",
    prefix,
    { uriRegexRewrite: { match: "/old/([a-z]+)/([0-9]+)", rewrite: String.raw`/\2/\1` } },
    "/old/item/7/more?old/item/7",
    "/7/item/more?old/item/7",
  ],
  ["every occurrence of it", prefix, { uriRegexRewrite: { match: "o", rewrite: "0" } }, "/old/foo?o", "/0ld/f00?o"],
  ["parts, by nothing", prefix, { uriRegexRewrite: { match: "/old", rewrite: "" } }, "/old/a", "/a"],
  ["parts, by a backslash", prefix, { uriRegexRewrite: { match: "l", rewrite: String.raw`\\` } }, "/old", String.raw`/o\d`],
  ["parts, by the whole match", prefix, { uriRegexRewrite: { match: "old", rewrite: String.raw`\0\0` } }, "/old", "/oldold"],
  ["nothing, where the expression is not in the path", prefix, { uriRegexRewrite: { match: "x", rewrite: "y" } }, "/old", "/old"],
];

/** MeshConfig, as Istio's installation has it. */
const TELLS_HOST = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "istio", namespace: "istio-system" },
  data: { mesh: JSON.stringify({ defaultConfig: { proxyHeaders: { xForwardedHost: { enabled: true } } } }) },
};

describe("a rewrite replaces", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    const paths = PATHS.map(([, match, rewrite], index) =>
      virtualService(
        `path-${index}`,
        [`path-${index}.test`],
        [{ ...(match === undefined ? {} : { match: [match] }), rewrite, route: [to("reviews")] }],
      ),
    );
    mesh = await EchoMesh.start({
      objects: [
        ...paths,
        virtualService(
          "host",
          ["host.test"],
          [
            { match: [{ uri: { prefix: "/both" } }], rewrite: { uri: "/new", authority: "new.test" }, route: [to("reviews")] },
            { rewrite: { authority: "new.test:8080" }, route: [to("reviews/v1", { weight: 50 }), to("reviews/v2", { weight: 50 })] },
          ],
        ),
        TELLS_HOST,
      ],
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each(PATHS.map(([what, , , path, seen], index) => [what, path, seen, index] as const))("%s", async (_what, path, seen, index) => {
    expect((await mesh.ask(`path-${index}.test`, { path })).seen?.path).toBe(seen);
  });

  test("the host, and tells the service the one before where the mesh wants that", async () => {
    const both = await mesh.ask("host.test", { path: "/both/a" });
    expect(both.seen).toMatchObject({ authority: "new.test", path: "/new/a", headers: { "x-forwarded-host": "host.test" } });
    expect((await mesh.ask("host.test")).seen?.authority).toBe("new.test:8080");
  });
});
