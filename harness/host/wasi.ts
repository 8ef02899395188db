import { toByteString, toText } from "./byte-string.ts";
import type { Hostcall } from "./abi/hostcall.ts";
import type { Vm } from "./vm.ts";

// WASI preview 1 (and the older `wasi_unstable`, which Envoy serves with the same functions) as proxy-wasm-cpp-host implements it:
// stdout is the log at info, stderr at error, there are clocks, randomness and an environment, and no files.

const SUCCESS = 0;
const EBADF = 8;
const EFAULT = 21;
const EINVAL = 28;
const ENOENT = 44;
const ENOSYS = 52;
const ENOTSUP = 58;
const ENOTDIR = 20;

const RANDOM_LIMIT = 64 * 1024;
const FD_WRITE_RIGHT = 64n;

/** `i` is i32, `I` is i64. */
function wasi(name: string, parameters: string, run: (vm: Vm, ...words: number[]) => number): Hostcall {
  const types = [...parameters].map((type) => (type === "I" ? "i64" : "i32")).join(" ");
  return { name, signature: `${types} -> i32`.trim(), run: run };
}

function answers(name: string, parameters: string, errno: number): Hostcall {
  return wasi(name, parameters, () => errno);
}

const isOutput = (fd: number) => fd === 1 || fd === 2;
const onOutput = (name: string, parameters: string) => wasi(name, parameters, (_vm, fd = 0) => (isOutput(fd) ? SUCCESS : EBADF));

export const wasiCalls: readonly Hostcall[] = [
  wasi("fd_write", "iiii", (vm, fd = 0, iovecs = 0, count = 0, writtenOut = 0) => write(vm, fd, iovecs, count, writtenOut)),
  wasi("fd_pwrite", "iiiIi", (vm, fd = 0, iovecs = 0, count = 0, _offset = 0, writtenOut = 0) => write(vm, fd, iovecs, count, writtenOut)),
  answers("fd_read", "iiii", ENOSYS),
  answers("fd_pread", "iiiIi", ENOSYS),
  answers("fd_seek", "iIii", SUCCESS),
  answers("fd_close", "i", SUCCESS),
  wasi("fd_fdstat_get", "ii", (vm, fd = 0, statOut = 0) => {
    if (!isOutput(fd)) return EBADF;
    if (!vm.inMemory(statOut, 24)) return SUCCESS;
    vm.setLong(statOut, 0n);
    vm.setLong(statOut + 8, FD_WRITE_RIGHT);
    vm.setLong(statOut + 16, 0n);
    return SUCCESS;
  }),
  answers("fd_fdstat_set_flags", "ii", ENOSYS),
  onOutput("fd_fdstat_set_rights", "iII"),
  answers("fd_advise", "iIIi", SUCCESS),
  onOutput("fd_allocate", "iII"),
  onOutput("fd_datasync", "i"),
  onOutput("fd_sync", "i"),
  answers("fd_filestat_get", "ii", EBADF),
  onOutput("fd_filestat_set_size", "iI"),
  onOutput("fd_filestat_set_times", "iIIi"),
  answers("fd_prestat_get", "ii", EBADF),
  answers("fd_prestat_dir_name", "iii", ENOSYS),
  wasi("fd_readdir", "iiiIi", (vm, _fd = 0, _buffer = 0, _size = 0, _cookie = 0, readOut = 0) =>
    vm.setWord(readOut, 0) ? ENOTDIR : EFAULT,
  ),
  wasi("fd_renumber", "ii", (_vm, from = 0, to = 0) => (isOutput(from) && isOutput(to) ? ENOTSUP : EBADF)),
  wasi("fd_tell", "ii", (vm, fd = 0, out = 0) => {
    if (!isOutput(fd)) return EBADF;
    return vm.setLong(out, 0n) ? SUCCESS : EFAULT;
  }),
  answers("path_open", "iiiiiIIii", ENOENT),
  answers("path_filestat_get", "iiiii", ENOTSUP),
  answers("path_create_directory", "iii", ENOTSUP),
  answers("path_filestat_set_times", "iiiiIIi", ENOTSUP),
  answers("path_link", "iiiiii", ENOTSUP),
  wasi("path_readlink", "iiiiii", (vm, _fd = 0, _path = 0, _size = 0, _buffer = 0, _bufferSize = 0, out = 0) =>
    vm.setWord(out, 0) ? ENOTSUP : EFAULT,
  ),
  answers("path_remove_directory", "iii", ENOTSUP),
  answers("path_rename", "iiiiii", ENOTSUP),
  // One word fewer than WASI has: a module that imports it as WASI defines it does not load.
  answers("path_symlink", "iiii", ENOTSUP),
  answers("path_unlink_file", "iii", ENOTSUP),
  wasi("sock_accept", "iii", (vm, _fd = 0, _flags = 0, out = 0) => (vm.setLong(out, 0n) ? ENOTSUP : EFAULT)),
  wasi("sock_recv", "iiiiii", (vm, _fd = 0, _data = 0, _size = 0, _flags = 0, out = 0, flagsOut = 0) =>
    vm.setWord(out, 0) && vm.setShort(flagsOut, 0) ? ENOTSUP : EFAULT,
  ),
  wasi("sock_send", "iiiii", (vm, _fd = 0, _data = 0, _size = 0, _flags = 0, out = 0) => (vm.setWord(out, 0) ? ENOTSUP : EFAULT)),
  answers("sock_shutdown", "ii", ENOTSUP),
  wasi("environ_sizes_get", "ii", (vm, countOut = 0, sizeOut = 0) => {
    const entries = environment(vm);
    const size = entries.reduce((sum, entry) => sum + entry.length, 0);
    return vm.setWord(countOut, entries.length) && vm.setWord(sizeOut, size) ? SUCCESS : EFAULT;
  }),
  wasi("environ_get", "ii", (vm, pointersOut = 0, textOut = 0) => {
    let pointer = pointersOut;
    let at = textOut;
    for (const entry of environment(vm)) {
      if (!vm.setWord(pointer, at) || !vm.inMemory(at, entry.length)) return EFAULT;
      vm.bytes.set(Buffer.from(entry, "latin1"), at >>> 0);
      at += entry.length;
      pointer += 4;
    }
    return SUCCESS;
  }),
  answers("args_get", "ii", SUCCESS),
  wasi("args_sizes_get", "ii", (vm, countOut = 0, sizeOut = 0) => (vm.setWord(countOut, 0) && vm.setWord(sizeOut, 0) ? SUCCESS : EFAULT)),
  wasi("clock_time_get", "iIi", (vm, id = 0, _precision = 0, out = 0) => {
    if (id !== 0 && id !== 1) return ENOTSUP;
    const { clock } = vm.worker.host;
    return vm.setLong(out, id === 0 ? clock.now() : clock.monotonic()) ? SUCCESS : EFAULT;
  }),
  wasi("clock_res_get", "ii", (vm, id = 0, out = 0) => {
    if (id !== 0 && id !== 1) return ENOTSUP;
    return vm.setLong(out, 1n) ? SUCCESS : EFAULT;
  }),
  wasi("random_get", "ii", (vm, out = 0, size = 0) => {
    if (size >>> 0 > RANDOM_LIMIT) return EINVAL;
    if (!vm.inMemory(out, size)) return EFAULT;
    vm.worker.host.random.fill(vm.bytes.subarray(out >>> 0, (out >>> 0) + size));
    return SUCCESS;
  }),
  answers("sched_yield", "", SUCCESS),
  wasi("poll_oneoff", "iiii", (vm, _in = 0, _out = 0, _count = 0, eventsOut = 0) => (vm.setWord(eventsOut, 0) ? SUCCESS : EFAULT)),
  // Envoy logs it (at trace) and returns, so the module runs on.
  {
    name: "proc_exit",
    signature: "i32 ->",
    run: (vm: Vm) => {
      vm.worker.host.logs.write(0, "wasi_unstable proc_exit", "host", "");
      return undefined;
    },
  },
];

function environment(vm: Vm): string[] {
  return [...vm.config.environment].map(([name, value]) => `${toByteString(name)}=${toByteString(value)}\0`);
}

function write(vm: Vm, fd: number, iovecs: number, count: number, writtenOut: number): number {
  if (!isOutput(fd)) return EBADF;
  let text = "";
  for (let i = 0; i < count; i++) {
    const at = (iovecs >>> 0) + i * 8;
    if (!vm.inMemory(at, 8)) return EFAULT;
    const pointer = vm.view.getUint32(at, true);
    const size = vm.view.getUint32(at + 4, true);
    if (!vm.inMemory(pointer, size)) return EFAULT;
    text += vm.readString(pointer, size);
  }
  if (text !== "") {
    const line = text.endsWith("\n") ? text.slice(0, -1) : text;
    vm.worker.host.logs.write(fd === 1 ? 2 : 4, toText(line), "filter", vm.current?.logPrefix ?? "");
  }
  return vm.setWord(writtenOut, text.length) ? SUCCESS : EFAULT;
}
