import binaryen from "binaryen";

/** A request with as many headers or more trips the trap that {@link plantTrap} plants. Envoy takes 100. */
export const TRAP_HEADERS = 80;

/** What the module does when it is made anew after the trap. */
export type Afterwards = "configures" | "refuses";

/** Bytes of memory that AssemblyScript leaves alone: static data begins behind them. Four zeros are the key, the rest takes results. */
const KEY = 16;
const RESULTS = [32, 36, 40];

/**
 * Plants a trap in a module that no input is known to trap: its callback for request headers executes `unreachable` where there are
 * {@link TRAP_HEADERS} of them. Before, it writes to shared data, which outlives the VM; with `refuses`, `proxy_on_configure` looks there, and from
 * then on returns false.
 */
export function plantTrap(wasm: Uint8Array, afterwards: Afterwards): Uint8Array {
  const module = binaryen.readBinary(wasm);
  try {
    module.setFeatures(binaryen.Features.All);
    const { i32 } = binaryen;
    const number = (value: number) => module.i32.const(value);
    const local = (index: number) => module.local.get(index, i32);
    const host = (name: string, values: number[]) => {
      const internal = `planted.${name}`;
      module.addFunctionImport(internal, "env", name, binaryen.createType(values.map(() => i32)), i32);
      return module.call(internal, values, i32);
    };

    const note = host("proxy_set_shared_data", [number(KEY), number(4), number(KEY), number(1), number(0)]);
    const springs = module.i32.ge_u(local(1), number(TRAP_HEADERS));
    wrap(module, "proxy_on_request_headers", 3, (original) =>
      module.block(null, [module.if(springs, module.block(null, [module.drop(note), module.unreachable()])), original], i32),
    );
    if (afterwards === "refuses") {
      const isNew = host("proxy_get_shared_data", [number(KEY), number(4), ...RESULTS.map(number)]);
      wrap(module, "proxy_on_configure", 2, (original) => module.if(isNew, original, number(0)));
    }
    if (module.validate() === 0) throw new Error("the trap makes no valid module");
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

/** Has the export `name` do what `body` makes of a call of the original with the same parameters. */
function wrap(module: binaryen.Module, name: string, parameters: number, body: (original: number) => number): void {
  const { i32 } = binaryen;
  const names = Array.from({ length: module.getNumExports() }, (_, i) => binaryen.getExportInfo(module.getExportByIndex(i)));
  const original = names.find((each) => each.name === name)?.value;
  if (original === undefined) throw new Error(`the module does not export ${name}`);
  const types = binaryen.createType(Array.from({ length: parameters }, () => i32));
  const values = Array.from({ length: parameters }, (_, i) => module.local.get(i, i32));
  module.addFunction(`wrapped.${name}`, types, i32, [], body(module.call(original, values, i32)));
  module.removeExport(name);
  module.addFunctionExport(`wrapped.${name}`, name);
}
