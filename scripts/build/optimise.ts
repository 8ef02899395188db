// Makes what asc wrote smaller, and cheaper to start in Envoy:
//
//   node scripts/build/optimise.ts IN.wasm OUT.wasm
//
// Envoy compiles a whole module with V8's optimising compiler before it listens (`--no-liftoff`), once for each module and process: 2 ms of CPU for a KiB of
// ours, more than half of it for what V8 puts into other functions. Without Liftoff it knows no hot calls, and puts every function that fits into a budget,
// three times the caller's size, into every caller (V8: InliningTree::NoLiftoffBudget and should_inline in src/wasm/turboshaft-graph-interface.cc).
// What is worth it is put in here, once. Then each function that calls begins with a call that uses the budget up.

import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import binaryen from "binaryen";

/** Of what asc uses and every supported Envoy has. */
const FEATURES = [
  binaryen.Features.MutableGlobals,
  binaryen.Features.SignExt,
  binaryen.Features.NontrappingFPToInt,
  binaryen.Features.BulkMemory,
  binaryen.Features.BulkMemoryOpt,
  binaryen.Features.SIMD128,
].reduce((all, each) => all | each);

/** Functions of up to this size, in Binaryen's count, are put in wherever they are called: no more, or modules grow. */
const INLINE_SIZE = 6;

/**
 * A function with one caller is put into it up to this size. Without a bound whole parsers of configurations grow together, and while V8 compiles the largest of
 * them it takes memory that Envoy keeps: 6 MiB more for `mesh`, whose largest function then has 15 KB instead of 3.
 */
const ONE_CALLER_INLINE_SIZE = 150;

/** As `wasm-opt -Oz`. */
const OPTIMIZE_LEVEL = 2;
const SHRINK_LEVEL = 2;

/** What uses up a budget: bytes of a function that does nothing, and how often it is called. Budgets are of 50 bytes and more; V8 puts in 60 functions at most. */
const FILLERS: ReadonlyArray<readonly [bytes: number, calls: number]> = [
  [120, 20],
  [30, 4],
  [8, 3],
];

/** What the package has and declares otherwise. */
interface Undeclared {
  readonly Function: { readonly setBody: (of: number, body: number) => void };
  readonly getSideEffects: (this: void, expression: number, module: binaryen.Module) => number;
}
const { Function: functions, getSideEffects } = binaryen as unknown as Undeclared;

/**
 * Says what language the module is written in, as nothing else does where the messages of what gives up are left out
 * (https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md): one field, with one value that has no version.
 */
const PRODUCERS = Uint8Array.from([1, ...named("language"), 1, ...named("AssemblyScript"), ...named("")]);

/** A name as the binary format has it; of fewer than 128 bytes. */
function named(text: string): readonly number[] {
  const bytes = new TextEncoder().encode(text);
  return [bytes.length, ...bytes];
}

/** The module with less code, in fewer functions, into which V8 puts nothing. */
export function optimise(bytes: Uint8Array): Uint8Array {
  const module = binaryen.readBinary(bytes);
  try {
    module.setFeatures(FEATURES);
    binaryen.setOptimizeLevel(OPTIMIZE_LEVEL);
    binaryen.setShrinkLevel(SHRINK_LEVEL);
    binaryen.setAlwaysInlineMaxSize(INLINE_SIZE);
    binaryen.setOneCallerInlineMaxSize(ONE_CALLER_INLINE_SIZE);
    module.optimize();
    useUpBudgets(module);
    module.addCustomSection("producers", PRODUCERS);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

function useUpBudgets(module: binaryen.Module): void {
  const all = Array.from({ length: module.getNumFunctions() }, (_, i) => module.getFunctionByIndex(i));
  const filler = addFillers(module);
  for (const each of all) {
    const { base, body, results } = binaryen.getFunctionInfo(each);
    if (base !== "" || (getSideEffects(body, module) & binaryen.SideEffects.Calls) === 0) continue;
    functions.setBody(each, module.block(null, [module.call(filler, [], binaryen.none), body], results));
  }
  // What is called most gets the shortest index.
  module.runPasses(["reorder-functions"]);
}

/**
 * Adds the functions that use up a budget, and returns the name of the one to call. V8 takes what still fits of those that it calls. They stand in a branch
 * that is never taken, so that nothing is left of them in machine code, and an engine that puts nothing in runs a test.
 */
function addFillers(module: binaryen.Module): string {
  const call = (name: string) => module.call(name, [], binaryen.none);
  const add = (name: string, content: number) => {
    module.addFunction(name, binaryen.none, binaryen.none, [], content);
    return name;
  };
  const never = (...content: number[]) => module.if(module.i32.const(0), module.block(null, content));
  const times = (count: number, make: () => number) => Array.from({ length: count }, make);

  const [large, ...small] = FILLERS.map(([bytes, calls]) => {
    const name = add(
      `fill ${bytes}`,
      module.block(
        null,
        times(bytes - 2, () => module.nop()),
      ),
    );
    return times(calls, () => call(name));
  });
  // Two of them, or no small budget would have room for the one that calls all.
  const rest = add("fill little", never(...small.flat()));
  const much = add("fill much", never(...(large ?? [])));
  return add("fill", never(call(much), call(rest)));
}

const [input, output] = process.argv.slice(2);
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href && input !== undefined && output !== undefined) {
  await writeFile(output, optimise(await readFile(input)));
}
