import binaryen from "binaryen";

/** What every module of proxy-wasm has: memory, and a `malloc` that never frees; memory from 65,536 on is its own. */
const COMMON = `
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 131072))
  (func (export "malloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (global.get $heap) (local.get $size)))
    (local.get $at))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))`;

const ANSWER = `(import "env" "proxy_send_local_response" (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))`;

function moduleOf(text: string): Buffer {
  const parsed = binaryen.parseText(text);
  try {
    return Buffer.from(parsed.emitBinary());
  } finally {
    parsed.dispose();
  }
}

/** Closes every connection that it sees, where it is given a configuration; else none. */
export function closingModule(): Buffer {
  return moduleOf(`(module
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  ${COMMON}
  (global $closes (mut i32) (i32.const 0))
  (func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
    (global.set $closes (local.get $size))
    (i32.const 1))
  (func (export "proxy_on_new_connection") (param i32) (result i32)
    (if (result i32) (global.get $closes)
      (then (drop (call $close (i32.const 2))) (i32.const 1))
      (else (i32.const 0)))))`);
}

/** Answers every request with a status. */
export function answeringModule(status: number): Buffer {
  return moduleOf(`(module
  ${ANSWER}
  ${COMMON}
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $answer (i32.const ${status}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1)))`);
}

/** Traps at every request with the header `x-poison`; what is called of it after that is Envoy's matter. */
export function trappingModule(): Buffer {
  // 16: the header's name; 64 and 68: where its value is, and its size. 0: there is one.
  return moduleOf(`(module
  (import "env" "proxy_get_header_map_value" (func $header (param i32 i32 i32 i32 i32) (result i32)))
  ${COMMON}
  (data (i32.const 16) "x-poison")
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.eqz (call $header (i32.const 0) (i32.const 16) (i32.const 8) (i32.const 64) (i32.const 68)))
      (then (if (i32.load (i32.const 68)) (then unreachable))))
    (i32.const 0)))`);
}

/** Answers every request with what it was given: its environment, `NAME=VALUE` each with a NUL behind it, and its root id. */
export function tellingModule(): Buffer {
  // 16: the property's name; 64: how many variables; 68: how many bytes they have; 72 and 76: where the root id is, and its size; 4,096: where variables are; 131,072: the variables, then what the host puts behind them.
  return moduleOf(`(module
  ${ANSWER}
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environment (param i32 i32) (result i32)))
  ${COMMON}
  (data (i32.const 16) "plugin_root_id")
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $sizes (i32.const 64) (i32.const 68)))
    (drop (call $environment (i32.const 4096) (i32.const 131072)))
    (global.set $heap (i32.add (i32.const 131072) (i32.load (i32.const 68))))
    (drop (call $property (i32.const 16) (i32.const 14) (i32.const 72) (i32.const 76)))
    (drop (call $answer (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 131072)
      (i32.add (i32.load (i32.const 68)) (i32.load (i32.const 76))) (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1)))`);
}
