import { expect, test } from "vitest";
import { checkModule } from "./check-module.ts";
import type { Manifest } from "./manifest.ts";

const MANIFEST: Manifest = { name: "a", description: "a filter", capabilities: ["proxy_log"] };
const REQUIRED = ["malloc", "_initialize", "proxy_abi_version_0_2_1", "proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure"];

const vector = (items: readonly number[][]) => [items.length, ...items.flat()];
const name = (text: string) => [text.length, ...Buffer.from(text)];
const section = (id: number, content: readonly number[]) => [id, 0x80 | (content.length & 0x7f), content.length >> 7, ...content];

/** A module (WebAssembly core specification, 5.5) with one function of type () -> () for every import and one more that every export is. */
function assemble(options: {
  exports?: readonly string[];
  imports?: ReadonlyArray<readonly [string, string]>;
  memory?: string;
  start?: boolean;
}) {
  const { exports = REQUIRED, imports = [["env", "proxy_log"]], memory = "memory", start = false } = options;
  const own = imports.length;
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector([[0x60, 0, 0]])),
    ...section(2, vector(imports.map(([module, field]) => [...name(module), ...name(field), 0, 0]))),
    ...section(3, vector([[0]])),
    ...section(5, vector([[0, 1]])),
    ...section(7, vector([...exports.map((field) => [...name(field), 0, own]), [...name(memory), 2, 0]])),
    ...(start ? section(8, [own]) : []),
    ...section(10, vector([[2, 0, 0x0b]])),
  ]);
}

test("a module that exports what is required and imports what its manifest says is good", () => {
  expect(checkModule(assemble({}), MANIFEST)).toEqual([]);
  expect(checkModule(assemble({ exports: [...REQUIRED, "proxy_on_request_headers"] }), MANIFEST)).toEqual([]);
});

test.each([
  ["no module", new Uint8Array([1, 2, 3]), "is no WebAssembly module"],
  ["a missing export", assemble({ exports: REQUIRED.slice(1) }), "does not export malloc"],
  [
    "a misspelled callback",
    assemble({ exports: [...REQUIRED, "proxy_on_request_header"] }),
    "exports proxy_on_request_header, which is no callback",
  ],
  ["a memory of another name", assemble({ memory: "ram" }), "does not export its memory"],
  ["a start section", assemble({ start: true }), "has a start section"],
  [
    "an import that no host has",
    assemble({
      imports: [
        ["env", "proxy_log"],
        ["index", "log"],
      ],
    }),
    "imports the function index.log",
  ],
  [
    "a capability that is not declared",
    assemble({
      imports: [
        ["env", "proxy_log"],
        ["env", "proxy_done"],
      ],
    }),
    "imports proxy_done, which its manifest's",
  ],
  ["a capability that is not used", assemble({ imports: [] }), "does not import proxy_log"],
])("%s is a problem", (_, bytes, problem) => {
  expect(checkModule(bytes, MANIFEST).join("\n")).toContain(problem);
});

test("a module above its size limit is a problem", () => {
  const bytes = assemble({});
  expect(checkModule(bytes, { ...MANIFEST, maxSize: bytes.length })).toEqual([]);
  expect(checkModule(bytes, { ...MANIFEST, maxSize: bytes.length - 1 })).toEqual([
    expect.stringContaining(`has ${bytes.length} bytes, more than`),
  ]);
});
