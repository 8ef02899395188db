import { join } from "node:path";
import { basename } from "node:path";
import type { HeaderList } from "../../../harness/target/index.ts";
import { c } from "../../foreign/c.ts";
import { exists, REPOSITORY, type Built } from "../../foreign/build.ts";
import { wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { headerMutation, lua } from "./native.ts";
import type { Expected, Variant } from "./variant.ts";

/** A request as browsers and clients of APIs send them: eight headers, to which Envoy adds four. */
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

const DONE: Expected = { route: "canary", filter: "1" };
const HEADER_JOB = join(REPOSITORY, "test/bench/header-job");

/** Every way to do the header job, in the order of the table. */
export const HEADER_JOB_VARIANTS: readonly Variant[] = [
  { id: "no-filter", title: "no filter", request: REQUEST, prepare: async () => ({ filters: [] }) },
  module("empty", "empty wasm filter", () => buildC("empty"), {}),
  // It has no condition: it sets what the others decide.
  native("header-mutation", "native header_mutation", headerMutation),
  native("lua", "Lua", lua),
  module("raw-c", "raw C", () => buildC("raw-c")),
  module("ours", "Meshwright SDK, stateless", () => built("dist/bench/header-job.wasm")),
  module("ours-stateful", "Meshwright SDK, with a stream record", () => built("dist/bench/header-job-stateful.wasm")),
];

/** A module that stands somewhere: `--only FILE.wasm`. */
export function fileVariant(path: string): Variant {
  return module(basename(path, ".wasm"), basename(path), async () => ({ module: path }));
}

function module(id: string, title: string, provide: () => Promise<Built>, expected: Expected | Record<string, never> = DONE): Variant {
  return {
    id,
    title,
    request: REQUEST,
    ...("route" in expected ? { expected: expected as Expected } : {}),
    async prepare() {
      const result = await provide();
      return "missing" in result ? result : { filters: [wasmFilter(result.module)] };
    },
  };
}

function native(id: string, title: string, filter: Json): Variant {
  return { id, title, request: REQUEST, expected: DONE, prepare: async () => ({ filters: [filter] }) };
}

async function buildC(name: string): Promise<Built> {
  const { build } = await import("../../foreign/build.ts");
  return build(c(`bench-${name}`, join(HEADER_JOB, name, "index.c")));
}

async function built(path: string): Promise<Built> {
  const module = join(REPOSITORY, path);
  return (await exists(module)) ? { module } : { missing: `${path} is not built: run \`npm run build\`` };
}
