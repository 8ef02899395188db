// `process.stdout` on WASI. The SDK logs through it and leaves it to `@assemblyscript/wasi-shim`, of which it needs no more than this.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: u32, vectors: usize, count: u32, written: usize): u32;

export namespace wasi_process {
  export namespace stdout {
    export function write(text: string): void {
      const bytes = String.UTF8.encode(text);
      const vector = memory.data(8);
      store<u32>(vector, <u32>changetype<usize>(bytes));
      store<u32>(vector, <u32>bytes.byteLength, 4);
      fd_write(1, vector, 1, memory.data(4));
    }
  }
}
