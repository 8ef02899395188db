import { toText } from "../byte-string.ts";
import { foreignFunctions } from "../foreign/index.ts";
import { Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

export const foreignCalls: readonly Hostcall[] = [
  hostcall("proxy_call_foreign_function", (vm, name, nameSize, parameters, parametersSize, resultsOut, sizeOut) => {
    if (!vm.inMemory(name, nameSize) || !vm.inMemory(parameters, parametersSize)) return Status.InvalidMemoryAccess;
    const run = foreignFunctions.get(toText(vm.readString(name, nameSize)));
    if (run === undefined) return Status.NotFound;
    const { status, results } = run(vm, vm.readBytes(parameters, parametersSize));
    let pointer = 0;
    if (results.length > 0 && resultsOut !== 0) {
      pointer = vm.allocate(results.length);
      if (pointer === 0) return Status.InvalidMemoryAccess;
      vm.bytes.set(results, pointer);
    }
    if (resultsOut !== 0 && !vm.setWord(resultsOut, pointer)) return Status.InvalidMemoryAccess;
    if (sizeOut !== 0 && !vm.setWord(sizeOut, results.length)) return Status.InvalidMemoryAccess;
    return status;
  }),
];
