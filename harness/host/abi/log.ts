import { toText } from "../byte-string.ts";
import { Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

const CRITICAL = 5;

export const logCalls: readonly Hostcall[] = [
  hostcall("proxy_log", (vm, level, pointer, size) => {
    if (level >>> 0 > CRITICAL) return Status.BadArgument;
    if (!vm.inMemory(pointer, size)) return Status.InvalidMemoryAccess;
    const { logs } = vm.worker.host;
    if (level >= logs.level) logs.write(level, toText(vm.readString(pointer, size)), "filter", vm.context().logPrefix);
    return Status.Ok;
  }),

  hostcall(
    "proxy_get_log_level",
    (vm, levelOut) => (vm.setWord(levelOut, vm.worker.host.logs.level) ? Status.Ok : Status.InvalidMemoryAccess),
    ["0.2.1"],
  ),

  hostcall("proxy_get_status", (vm, codeOut, messageOut, sizeOut) => {
    const { root } = vm.context();
    if (!vm.setWord(codeOut, root.statusCode)) return Status.InvalidMemoryAccess;
    return vm.returnString(root.statusMessage, messageOut, sizeOut);
  }),
];
