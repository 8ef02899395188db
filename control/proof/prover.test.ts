import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { filterFiles } from "../../filters/index.ts";
import { BASICS, UNREACHABLE, wasmModule } from "../../harness/host/testing/wasm-module.ts";
import { Prover } from "./prover.ts";
import type { ProofRequest, Verdict } from "./request.ts";

function moduleOf(bytes: Uint8Array): ProofRequest["module"] {
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

const mesh = moduleOf(readFileSync(filterFiles("mesh").module));

function ofMesh(filters: readonly object[]): ProofRequest {
  return { name: "meshwright.mesh/inbound", module: mesh, rootId: "downstream", configuration: JSON.stringify({ filters }) };
}

const routing = (regex: string) =>
  ofMesh([{ name: "routing", configuration: { rules: [{ name: "r", match: [{ uri: { regex } }], route: "x" }] } }]);
const good = (name: string) => ofMesh([{ name: "authorization", configuration: { policies: [{ name, action: "ALLOW" }] } }]);

const LOOP = [0x03, 0x40, 0x0c, 0x00, 0x0b];
/** Grows by 16 MiB at a time, and traps where it gets no more. */
const GROW = [0x03, 0x40, 0x41, 0x80, 0x02, 0x40, 0x00, 0x41, 0x7f, 0x46, 0x04, 0x40, UNREACHABLE, 0x0b, 0x0c, 0x00, 0x0b];

/** A module of somebody's whose configuration does this. */
function foreign(code: readonly number[]): ProofRequest {
  const ok = [0x41, 0x01];
  const bytes = wasmModule({
    functions: [
      ...BASICS,
      { export: "proxy_on_context_create", signature: "i32 i32 ->", code: [] },
      { export: "proxy_on_vm_start", signature: "i32 i32 -> i32", code: ok },
      { export: "proxy_on_configure", signature: "i32 i32 -> i32", code: [...code, ...ok] },
    ],
  });
  return { name: "foreign", module: moduleOf(bytes), rootId: "", configuration: "x" };
}

describe("a prover", () => {
  test("says of what a module refuses why, and takes what it takes", async () => {
    await using prover = new Prover();
    expect(await prover.prove(good("a"))).toEqual({ good: true });
    expect(await prover.prove(routing("(a{1,1000}){1,1000}"))).toEqual({
      good: false,
      reason: expect.stringContaining("filters[0].configuration.rules[0].match[0].uri.regex: invalid repeat count"),
    });
    expect(await prover.prove(good("b"))).toEqual({ good: true });
  });

  test("asks a module once for the same content", async () => {
    const proofs: Verdict[] = [];
    await using prover = new Prover({ onProof: (verdict) => proofs.push(verdict) });
    const asked = await Promise.all([prover.prove(good("a")), prover.prove(good("a")), prover.prove(good("b"))]);
    expect(asked).toHaveLength(3);
    expect(prover.known(good("a"))).toEqual({ good: true });
    await prover.prove(good("a"));
    expect(proofs).toHaveLength(2);
  });

  test("ends what loops, refuses it, and goes on", async () => {
    await using prover = new Prover({ timeLimit: 300 });
    const [looping, after] = await Promise.all([prover.prove(foreign(LOOP)), prover.prove(foreign([]))]);
    expect(looping).toEqual({ good: false, reason: expect.stringContaining("ran longer than 300 ms") });
    expect(after).toEqual({ good: true });
  });

  test("refuses what traps, and what takes more memory than it gets", async () => {
    await using prover = new Prover({ memoryLimit: 64 * 1024 * 1024 });
    const before = process.memoryUsage().rss;
    expect(await prover.prove(foreign([UNREACHABLE]))).toEqual({ good: false, reason: expect.stringContaining("unreachable") });
    expect(await prover.prove(foreign(GROW))).toEqual({ good: false, reason: expect.stringContaining("unreachable") });
    expect(process.memoryUsage().rss - before).toBeLessThan(512 * 1024 * 1024);
  });

  test("refuses what is no module", async () => {
    await using prover = new Prover();
    expect(await prover.prove({ ...good("a"), module: moduleOf(Buffer.from("nonsense")) })).toMatchObject({ good: false });
  });

  test("lets its thread go when it has nothing to do, and takes another", async () => {
    await using prover = new Prover({ idle: 1 });
    expect(await prover.prove(good("a"))).toEqual({ good: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await prover.prove(good("b"))).toEqual({ good: true });
  });

  test("settles what is open when it ends", async () => {
    const prover = new Prover();
    const open = prover.prove(good("a"));
    await prover[Symbol.asyncDispose]();
    expect(await open).toMatchObject({ good: false });
  });

  test.each(["authentication", "authorization", "fault", "ratelimit", "routing", "telemetry", "mesh"])(
    "takes the configuration that the page of %s shows",
    async (name) => {
      await using prover = new Prover();
      const example = readFileSync(new URL(`../../filters/${name}/examples/wasm-plugin.yaml`, import.meta.url), "utf8");
      const spec = parseAllDocuments(example)
        .map((document) => (document.toJS() as { readonly spec?: { readonly pluginConfig?: object } }).spec)
        .find((each) => each?.pluginConfig !== undefined);
      if (spec?.pluginConfig === undefined) throw new Error("no example");
      const filters =
        name === "mesh"
          ? (spec.pluginConfig as { readonly filters: readonly object[] }).filters
          : [{ name, configuration: spec.pluginConfig }];
      expect(await prover.prove(ofMesh(filters))).toEqual({ good: true });
    },
  );
});
