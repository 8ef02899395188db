import { ByteBuffer } from "../byte-buffer.ts";
import { BufferType, Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

export const bufferCalls: readonly Hostcall[] = [
  hostcall("proxy_get_buffer_bytes", (vm, type, start, length, bytesOut, sizeOut) => {
    if (type >>> 0 > BufferType.Max) return Status.BadArgument;
    const buffer = vm.context().buffer(type);
    if (buffer === undefined) return Status.NotFound;
    // Words are 64 bits in the host: the sum of two of 32 cannot overflow there.
    const from = Math.min(start >>> 0, buffer.length);
    const to = Math.min((start >>> 0) + (length >>> 0), buffer.length);
    const bytes = buffer instanceof ByteBuffer ? buffer.bytes() : buffer;
    return vm.returnBytes(bytes.subarray(from, to), bytesOut, sizeOut);
  }),

  hostcall("proxy_get_buffer_status", (vm, type, lengthOut, flagsOut) => {
    if (type >>> 0 > BufferType.Max) return Status.BadArgument;
    const buffer = vm.context().buffer(type);
    if (buffer === undefined) return Status.NotFound;
    return vm.setWord(lengthOut, buffer.length) && vm.setWord(flagsOut, 0) ? Status.Ok : Status.InvalidMemoryAccess;
  }),

  // Only at the ends: from 0 the first `length` bytes are replaced, from the end on bytes are added.
  hostcall("proxy_set_buffer_bytes", (vm, type, start, length, data, size) => {
    if (type >>> 0 > BufferType.Max) return Status.BadArgument;
    const buffer = vm.context().buffer(type);
    if (buffer === undefined) return Status.NotFound;
    if (!vm.inMemory(data, size)) return Status.InvalidMemoryAccess;
    if (!(buffer instanceof ByteBuffer)) return Status.BadArgument;
    const bytes = vm.readBytes(data, size);
    if (start === 0) {
      if (length !== 0) buffer.drain(length >>> 0);
      buffer.prepend(bytes);
    } else if (start >>> 0 >= buffer.length) {
      buffer.add(bytes);
    } else {
      return Status.BadArgument;
    }
    return Status.Ok;
  }),
];
