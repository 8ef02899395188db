import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { exchange, httpRequest } from "../testing/running-proxy.ts";
import { GuardedApp, type WrittenPolicy } from "../testing/guarded-app.ts";

// Ways past policies that are written in YAML, in a real Envoy: what a request looks like to the policy and to the workload must be the same. By the names under which they are known.

let guarded: GuardedApp;

beforeAll(async () => {
  guarded = await GuardedApp.start();
});
afterAll(async () => {
  await guarded?.[Symbol.asyncDispose]();
});

const denies = (operation: object, more: object = {}): WrittenPolicy => ({
  spec: { action: "DENY", rules: [{ to: [{ operation }], ...more }] },
});
const allows = (operation: object, more: object = {}): WrittenPolicy => ({ spec: { rules: [{ to: [{ operation }], ...more }] } });
const meshConfig = (fields: object) => stringify({ apiVersion: "v1", kind: "MeshConfig", metadata: { name: "istio" }, ...fields });

/** The status of a request as it is written; 0 where the connection is closed without an answer. */
async function raw(text: string): Promise<number> {
  const answer = await exchange({ port: guarded.ports.http }, text);
  return answer.startsWith("HTTP/1.1 ") ? Number(answer.slice(9, 12)) : 0;
}
const pathStatus = (path: string) => raw(httpRequest("app.test", path));
/** What passed is what the policy saw: never the path that is denied, in whatever form the workload understands it. */
const lastPath = () => guarded.app.requests.at(-1)?.path;

describe("the path", () => {
  const PASSED = [200, 400];

  test.each([
    ["as it is", "/admin"],
    ["a dot (CVE-2019-9901)", "/./admin"],
    ["two dots", "/x/../admin"],
    ["escaped dots", "/x/%2e%2E/admin"],
    ["an escaped letter", "/%61dmin"],
    ["a backslash", "/x\\..\\admin"],
    ["a query", "/admin?x=/y"],
    ["an absolute target", "http://app.test/admin"],
  ])("is denied: %s", async (_, path) => {
    await guarded.apply([denies({ paths: ["/admin"] })]);
    expect(await pathStatus(path)).toBe(403);
  });

  test("with a fragment is refused (CVE-2021-32779, CVE-2021-39156)", async () => {
    await guarded.apply([denies({ paths: ["/admin"] })]);
    expect(await pathStatus("/admin#x")).toBe(400);
  });

  // What Envoy leaves alone by default reaches the workload as it is; where that reads it otherwise, MeshConfig says so.
  test.each([
    ["two slashes (CVE-2021-31920)", "//admin", "MERGE_SLASHES"],
    ["an escaped slash (CVE-2021-29492)", "/x%2F..%2Fadmin", "DECODE_AND_MERGE_SLASHES"],
    ["an escaped backslash", "/x%5C..%5Cadmin", "DECODE_AND_MERGE_SLASHES"],
  ])("is denied by pathNormalization: %s", async (_, path, normalization) => {
    await guarded.apply([denies({ paths: ["/admin"] })], meshConfig({ pathNormalization: { normalization } }));
    expect(await pathStatus(path)).toBe(403);
  });

  test("that leaves what ALLOW names by an escaped slash does not pass where slashes are decoded", async () => {
    await guarded.apply(
      [allows({ paths: ["/public/*"] })],
      meshConfig({ pathNormalization: { normalization: "DECODE_AND_MERGE_SLASHES" } }),
    );
    for (const path of ["/public/x%2F..%2F..%2Fadmin", "/public/x%5C..%5C..%5Cadmin", "/public%2F..%2Fadmin"])
      expect([path, await pathStatus(path)]).toEqual([path, 403]);
    expect([await pathStatus("/public%2Fx"), lastPath()]).toEqual([200, "/public/x"]);
  });

  test("that ALLOW does not name never passes, however it is written", async () => {
    await guarded.apply([allows({ paths: ["/public/*"] })]);
    for (const path of ["/public/../admin", "/public/%2e%2e/admin", "/public/./../admin", "/public/x/../../admin", "/public\\..\\admin"])
      expect([path, await pathStatus(path)]).toEqual([path, 403]);
    expect([await pathStatus("/public/../public/x"), lastPath()]).toEqual([200, "/public/x"]);
  });

  test("with parameters is another path, in Istio too (CVE-2026-73511)", async () => {
    await guarded.apply([allows({ paths: ["/admin"] })]);
    expect([await pathStatus("/admin;x"), await pathStatus("/admin;x=1/y")]).toEqual([403, 403]);
  });

  test("with a star, or bytes that are no ASCII, against a template (CVE-2025-46821, CVE-2026-73552)", async () => {
    await guarded.apply([denies({ paths: ["/admin/{*}", "/files/{**}"] })]);
    for (const path of ["/admin/*", "/admin/a*b", "/files/*/x", "/files/a/*"]) expect([path, await pathStatus(path)]).toEqual([path, 403]);
    for (const path of ["/admin/\u00ff", "/files/\u0001"])
      expect(PASSED).not.toContain(await pathStatus(path).then((status) => (status === 400 ? 403 : status)));
    await guarded.apply([denies({ notPaths: ["/public/{*}"] })]);
    expect(await pathStatus("/public/\u00ff")).not.toBe(200);
  });

  test("that Envoy does not normalise is denied where a policy looks at it", async () => {
    await guarded.apply([denies({ paths: ["/admin"] })], meshConfig({ pathNormalization: { normalization: "NONE" } }));
    expect(await pathStatus("/admin")).toBe(403);
    await guarded.apply([allows({ paths: ["/public*"] })], meshConfig({ pathNormalization: { normalization: "BASE" } }));
    expect(await pathStatus("/public/..%2Fadmin")).toBe(200);
    expect(lastPath()).toBe("/public/..%2Fadmin");
  });

  test("from x-envoy-original-path is none (CVE-2023-27487)", async () => {
    await guarded.apply([allows({ paths: ["/public"] })]);
    expect(await raw(httpRequest("app.test", "/admin", ["x-envoy-original-path: /public", "x-original-url: /public"]))).toBe(403);
  });

  test("of CONNECT, which has none (CVE-2026-73547)", async () => {
    await guarded.apply([denies({ paths: ["/admin"] })]);
    expect(await raw("CONNECT app.test:443 HTTP/1.1\r\nhost: app.test:443\r\n\r\n")).not.toBe(200);
  });
});

describe("the host", () => {
  const host = (text: string, headers: readonly string[] = []) => raw(httpRequest(text, "/", headers));

  test("is compared without its case (CVE-2021-39155)", async () => {
    await guarded.apply([denies({ hosts: ["admin.test", "admin.test:*"] })]);
    for (const text of ["admin.test", "ADMIN.test", "Admin.Test", "admin.test:80", "aDmin.test:8080"])
      expect([text, await host(text)]).toEqual([text, 403]);
  });

  test("with a port or a final dot is another one, as in Istio, of which validate warns; ALLOW lets neither past", async () => {
    await guarded.apply([denies({ hosts: ["admin.test"] })]);
    expect([await host("admin.test:80"), await host("admin.test.")]).toEqual([200, 200]);
    await guarded.apply([allows({ hosts: ["app.test"] })]);
    expect([await host("app.test"), await host("app.test:80"), await host("app.test."), await host("app.test.evil")]).toEqual([
      200, 403, 403, 403,
    ]);
  });

  test("twice is refused, and the one in the target counts", async () => {
    await guarded.apply([denies({ hosts: ["admin.test"] })]);
    expect(await host("app.test", ["host: admin.test"])).not.toBe(200);
    expect(await raw(httpRequest("app.test", "http://admin.test/"))).toBe(403);
    // Envoy takes the host of the target, and hands on the same.
    await guarded.apply([allows({ hosts: ["app.test"] })]);
    expect(await raw(httpRequest("app.test", "http://admin.test/"))).toBe(403);
  });
});

describe("a header", () => {
  const header = (...lines: readonly string[]) => raw(httpRequest("app.test", "/", lines));
  const when = (condition: object) => ({ when: [condition] });

  test("is found whatever the case of its name, and each of several (CVE-2020-25017, CVE-2026-26308)", async () => {
    await guarded.apply([{ spec: { action: "DENY", rules: [when({ key: "request.headers[X-Role]", values: ["admin"] })] } }]);
    for (const lines of [
      ["x-role: admin"],
      ["X-ROLE: admin"],
      ["x-role: user", "x-role: admin"],
      ["x-role: admin", "X-Role: user"],
      ["x-role:   admin  "],
    ])
      expect([lines, await header(...lines)]).toEqual([lines, 403]);
    // One value with a comma is one value, in Istio too.
    expect(await header("x-role: user,admin")).toBe(200);
  });

  test("that may not be there, or not have a value, is denied also beside another", async () => {
    await guarded.apply([{ spec: { rules: [when({ key: "request.headers[x-role]", notValues: ["admin"] })] } }]);
    expect([await header(), await header("x-role: user")]).toEqual([200, 200]);
    for (const lines of [["x-role: admin"], ["x-role: user", "x-role: admin"]])
      expect([lines, await header(...lines)]).toEqual([lines, 403]);
  });

  test("with a NUL is refused, and a line break makes no header of its own (CVE-2019-9900)", async () => {
    await guarded.apply([{ spec: { action: "DENY", rules: [when({ key: "request.headers[x-role]", values: ["admin"] })] } }]);
    expect(await header("x-role: \u0000admin")).not.toBe(200);
    // Envoy leaves a line break without its second half out, for the policy and for the workload.
    expect(await header("x-role: a\rx-role: admin")).toBe(200);
    expect(guarded.app.requests.at(-1)?.headers).toContainEqual(["x-role", "ax-role: admin"]);
  });

  test("with an underscore is another one", async () => {
    await guarded.apply([{ spec: { rules: [when({ key: "request.headers[x-role]", values: ["admin"] })] } }]);
    expect(await header("x_role: admin")).toBe(403);
  });
});

describe("addresses", () => {
  test("of the connection are not what a header says (CVE-2024-45806)", async () => {
    await guarded.apply([{ spec: { rules: [{ from: [{ source: { ipBlocks: ["10.0.0.0/8"] } }] }] } }]);
    for (const line of [
      "x-forwarded-for: 10.0.0.1",
      "x-envoy-external-address: 10.0.0.1",
      "x-real-ip: 10.0.0.1",
      "forwarded: for=10.0.0.1",
    ])
      expect([line, await raw(httpRequest("app.test", "/", [line]))]).toEqual([line, 403]);
  });

  test("of the client are those that the last proxy has written", async () => {
    await guarded.apply([{ spec: { action: "DENY", rules: [{ from: [{ source: { remoteIpBlocks: ["10.0.0.1"] } }] }] } }]);
    for (const value of ["10.0.0.1", "192.0.2.1, 10.0.0.1", "192.0.2.1,10.0.0.1"])
      expect([value, await raw(httpRequest("app.test", "/", [`x-forwarded-for: ${value}`]))]).toEqual([value, 403]);
  });
});

describe("who calls", () => {
  test("is told by the certificate, not by a header", async () => {
    await guarded.apply([{ spec: { rules: [{ from: [{ source: { principals: ["cluster.local/ns/shop/sa/checkout"] } }] }] } }]);
    const forged = "x-forwarded-client-cert: By=spiffe://cluster.local/ns/default/sa/app;URI=spiffe://cluster.local/ns/shop/sa/checkout";
    expect(await raw(httpRequest("app.test", "/", [forged]))).toBe(403);
    expect(
      await guarded.status({ as: "cluster.local/ns/ops/sa/robot", headers: [[forged.split(": ")[0] ?? "", forged.split(": ")[1] ?? ""]] }),
    ).toBe(403);
    expect(await guarded.status({ as: "cluster.local/ns/shop/sa/checkout" })).toBe(200);
  });

  test.each([
    "cluster.local/ns/shop/sa/checkout2",
    "cluster.local/ns/shop/sa/checkout/x",
    "x.cluster.local/ns/shop/sa/checkout",
    "cluster.local/ns/shop/sa/Checkout",
  ])("is compared as a whole: %s", async (as) => {
    await guarded.apply([{ spec: { rules: [{ from: [{ source: { principals: ["cluster.local/ns/shop/sa/checkout"] } }] }] } }]);
    expect([await guarded.status({ as }), await guarded.isAnswered({ port: "tls", as })]).toEqual([403, false]);
  });

  test("by namespace is not told by a part of it", async () => {
    await guarded.apply([{ spec: { rules: [{ from: [{ source: { namespaces: ["shop"] } }] }] } }]);
    for (const as of ["cluster.local/ns/shop2/sa/a", "cluster.local/ns/xshop/sa/a", "cluster.local/ns/a/sa/shop"])
      expect([as, await guarded.status({ as }), await guarded.isAnswered({ port: "tls", as })]).toEqual([as, 403, false]);
  });
});
