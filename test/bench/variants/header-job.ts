import { basename, join } from "node:path";
import type { HeaderList } from "../../../harness/target/index.ts";
import { assemblyScript } from "../../foreign/assemblyscript.ts";
import { build, exists, REPOSITORY, type Built } from "../../foreign/build.ts";
import { c } from "../../foreign/c.ts";
import { go } from "../../foreign/go.ts";
import { rust } from "../../foreign/rust.ts";
import { wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { headerMutation, lua } from "./native.ts";
import type { Expected, Variant } from "./variant.ts";

/** A request as an API's client sends it: eight headers, to which Envoy adds four. */
export const REQUEST: HeaderList = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "shop.example.com"],
  [":path", "/api/v1/items/4711?fields=name,price"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
  ["accept", "application/json"],
  ["x-user", "alice-beta"],
  ["authorization", "Bearer c2VjcmV0LXRva2VuLW9mLWFsaWNlLXdoaWNoLWlzLW5vdC1yZWFk"],
];

const DONE: Expected = { "x-seen-route": "canary", "x-filter": "1" };
const folder = join(REPOSITORY, "test/bench/header-job");

/** The modules that do the header job, by id; `empty` does nothing. */
export const MODULES = {
  empty: () => build(c("bench-empty", join(folder, "empty/index.c"))),
  "raw-c": () => build(c("bench-raw-c", join(folder, "raw-c/index.c"))),
  rust: () => build(rust),
  "proxy-wasm-sdk-as": () => build(assemblyScript),
  go: () => build(go),
  ours: () => built("dist/bench/header-job.wasm"),
  "ours-stateful": () => built("dist/bench/header-job-stateful.wasm"),
} satisfies Readonly<Record<string, () => Promise<Built>>>;

/** Every way to do the header job, in the order of the table. */
export const HEADER_JOB: readonly Variant[] = [
  { id: "no-filter", title: "no filter", request: REQUEST, prepare: async () => ({ filters: [] }) },
  moduleVariant("empty", "a wasm filter that does nothing", MODULES.empty, false),
  // It knows no condition: it sets what the others decide.
  native("header-mutation", "header_mutation (native, without the condition)", headerMutation),
  native("lua", "Lua", lua),
  moduleVariant("raw-c", "C without an SDK, one read of all pairs", MODULES["raw-c"]),
  moduleVariant("ours", "Meshwright's SDK, stateless", MODULES.ours),
  moduleVariant("ours-stateful", "Meshwright's SDK, with a stream record", MODULES["ours-stateful"]),
  moduleVariant("rust", "Rust crate `proxy-wasm`", MODULES.rust),
  moduleVariant("go", "`proxy-wasm-go-sdk`", MODULES.go),
  moduleVariant("proxy-wasm-sdk-as", "`proxy-wasm-sdk-as`", MODULES["proxy-wasm-sdk-as"]),
];

/** A module that stands somewhere: `--only FILE.wasm`. */
export function fileVariant(path: string): Variant {
  return moduleVariant(basename(path, ".wasm"), basename(path), async () => ({ module: path }));
}

/** A built file of this repository. */
export async function built(path: string): Promise<Built> {
  const module = join(REPOSITORY, path);
  return (await exists(module)) ? { module } : { missing: `${path} is not built: run \`npm run build\`` };
}

function moduleVariant(id: string, title: string, provide: () => Promise<Built>, doesTheJob = true): Variant {
  return {
    id,
    title,
    request: REQUEST,
    ...(doesTheJob ? { expected: DONE } : {}),
    async prepare() {
      const result = await provide();
      return "missing" in result ? result : { filters: [wasmFilter(result.module)] };
    },
  };
}

function native(id: string, title: string, filter: Json): Variant {
  return { id, title, request: REQUEST, expected: DONE, prepare: async () => ({ filters: [filter] }) };
}
