// Calls a hostcall by its name with words as arguments, whatever they are. The WASI functions are those that every supported Envoy has.

import * as abi from "../../../filters/sdk/abi/hostcalls";

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(w0: i32, w1: i32, w2: i32, w3: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(w0: i32, w1: i32, w2: i32, w3: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_seek")
declare function fd_seek(w0: i32, w1: i64, w2: i32, w3: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_close")
declare function fd_close(w0: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_fdstat_get")
declare function fd_fdstat_get(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_fdstat_set_flags")
declare function fd_fdstat_set_flags(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_get")
declare function fd_prestat_get(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_prestat_dir_name")
declare function fd_prestat_dir_name(w0: i32, w1: i32, w2: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_open")
declare function path_open(w0: i32, w1: i32, w2: i32, w3: i32, w4: i32, w5: i64, w6: i64, w7: i32, w8: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "environ_sizes_get")
declare function environ_sizes_get(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "environ_get")
declare function environ_get(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "args_get")
declare function args_get(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "args_sizes_get")
declare function args_sizes_get(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
declare function clock_time_get(w0: i32, w1: i64, w2: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "random_get")
declare function random_get(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "sched_yield")
declare function sched_yield(): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "poll_oneoff")
declare function poll_oneoff(w0: i32, w1: i32, w2: i32, w3: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(w0: i32): void;

/** What a hostcall that does not exist returns. */
export const UNKNOWN: u32 = 0xffffffff;

export function call(name: string, w: StaticArray<i64>): u32 {
  const status = name.startsWith("proxy_") ? callProxy(name, w) : callWasi(name, w);
  return status == UNKNOWN ? more(name, w) : status;
}

/** Functions that not every Envoy has. */
let more: (name: string, w: StaticArray<i64>) => u32 = (name: string, w: StaticArray<i64>) => UNKNOWN;

export function callMore(calls: (name: string, w: StaticArray<i64>) => u32): void {
  more = calls;
}

function callProxy(name: string, w: StaticArray<i64>): u32 {
  if (name == "proxy_log") return abi.proxy_log(<u32>w[0], <usize>w[1], <usize>w[2]);
  if (name == "proxy_get_log_level") return abi.proxy_get_log_level(<usize>w[0]);
  if (name == "proxy_get_status") return abi.proxy_get_status(<usize>w[0], <usize>w[1], <usize>w[2]);
  if (name == "proxy_get_property") return abi.proxy_get_property(<usize>w[0], <usize>w[1], <usize>w[2], <usize>w[3]);
  if (name == "proxy_set_property") return abi.proxy_set_property(<usize>w[0], <usize>w[1], <usize>w[2], <usize>w[3]);
  if (name == "proxy_continue_stream") return abi.proxy_continue_stream(<u32>w[0]);
  if (name == "proxy_close_stream") return abi.proxy_close_stream(<u32>w[0]);
  if (name == "proxy_send_local_response") return abi.proxy_send_local_response(<u32>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4], <usize>w[5], <usize>w[6], <u32>w[7]);
  if (name == "proxy_get_header_map_value") return abi.proxy_get_header_map_value(<u32>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4]);
  if (name == "proxy_add_header_map_value") return abi.proxy_add_header_map_value(<u32>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4]);
  if (name == "proxy_replace_header_map_value") return abi.proxy_replace_header_map_value(<u32>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4]);
  if (name == "proxy_remove_header_map_value") return abi.proxy_remove_header_map_value(<u32>w[0], <usize>w[1], <usize>w[2]);
  if (name == "proxy_get_header_map_pairs") return abi.proxy_get_header_map_pairs(<u32>w[0], <usize>w[1], <usize>w[2]);
  if (name == "proxy_set_header_map_pairs") return abi.proxy_set_header_map_pairs(<u32>w[0], <usize>w[1], <usize>w[2]);
  if (name == "proxy_get_header_map_size") return abi.proxy_get_header_map_size(<u32>w[0], <usize>w[1]);
  if (name == "proxy_get_buffer_bytes") return abi.proxy_get_buffer_bytes(<u32>w[0], <u32>w[1], <u32>w[2], <usize>w[3], <usize>w[4]);
  if (name == "proxy_get_buffer_status") return abi.proxy_get_buffer_status(<u32>w[0], <usize>w[1], <usize>w[2]);
  if (name == "proxy_set_buffer_bytes") return abi.proxy_set_buffer_bytes(<u32>w[0], <u32>w[1], <u32>w[2], <usize>w[3], <usize>w[4]);
  if (name == "proxy_http_call") return abi.proxy_http_call(<usize>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4], <usize>w[5], <usize>w[6], <usize>w[7], <u32>w[8], <usize>w[9]);
  if (name == "proxy_grpc_call") return abi.proxy_grpc_call(<usize>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4], <usize>w[5], <usize>w[6], <usize>w[7], <usize>w[8], <usize>w[9], <u32>w[10], <usize>w[11]);
  if (name == "proxy_grpc_stream") return abi.proxy_grpc_stream(<usize>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4], <usize>w[5], <usize>w[6], <usize>w[7], <usize>w[8]);
  if (name == "proxy_grpc_send") return abi.proxy_grpc_send(<u32>w[0], <usize>w[1], <usize>w[2], <u32>w[3]);
  if (name == "proxy_grpc_close") return abi.proxy_grpc_close(<u32>w[0]);
  if (name == "proxy_grpc_cancel") return abi.proxy_grpc_cancel(<u32>w[0]);
  if (name == "proxy_set_tick_period_milliseconds") return abi.proxy_set_tick_period_milliseconds(<u32>w[0]);
  if (name == "proxy_get_current_time_nanoseconds") return abi.proxy_get_current_time_nanoseconds(<usize>w[0]);
  if (name == "proxy_define_metric") return abi.proxy_define_metric(<u32>w[0], <usize>w[1], <usize>w[2], <usize>w[3]);
  if (name == "proxy_increment_metric") return abi.proxy_increment_metric(<u32>w[0], w[1]);
  if (name == "proxy_record_metric") return abi.proxy_record_metric(<u32>w[0], <u64>w[1]);
  if (name == "proxy_get_metric") return abi.proxy_get_metric(<u32>w[0], <usize>w[1]);
  if (name == "proxy_get_shared_data") return abi.proxy_get_shared_data(<usize>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4]);
  if (name == "proxy_set_shared_data") return abi.proxy_set_shared_data(<usize>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <u32>w[4]);
  if (name == "proxy_register_shared_queue") return abi.proxy_register_shared_queue(<usize>w[0], <usize>w[1], <usize>w[2]);
  if (name == "proxy_resolve_shared_queue") return abi.proxy_resolve_shared_queue(<usize>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4]);
  if (name == "proxy_enqueue_shared_queue") return abi.proxy_enqueue_shared_queue(<u32>w[0], <usize>w[1], <usize>w[2]);
  if (name == "proxy_dequeue_shared_queue") return abi.proxy_dequeue_shared_queue(<u32>w[0], <usize>w[1], <usize>w[2]);
  if (name == "proxy_set_effective_context") return abi.proxy_set_effective_context(<u32>w[0]);
  if (name == "proxy_done") return abi.proxy_done();
  if (name == "proxy_call_foreign_function") return abi.proxy_call_foreign_function(<usize>w[0], <usize>w[1], <usize>w[2], <usize>w[3], <usize>w[4], <usize>w[5]);
  return UNKNOWN;
}

function callWasi(name: string, w: StaticArray<i64>): u32 {
  if (name == "fd_write") return fd_write(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3]);
  if (name == "fd_read") return fd_read(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3]);
  if (name == "fd_seek") return fd_seek(<i32>w[0], w[1], <i32>w[2], <i32>w[3]);
  if (name == "fd_close") return fd_close(<i32>w[0]);
  if (name == "fd_fdstat_get") return fd_fdstat_get(<i32>w[0], <i32>w[1]);
  if (name == "fd_fdstat_set_flags") return fd_fdstat_set_flags(<i32>w[0], <i32>w[1]);
  if (name == "fd_prestat_get") return fd_prestat_get(<i32>w[0], <i32>w[1]);
  if (name == "fd_prestat_dir_name") return fd_prestat_dir_name(<i32>w[0], <i32>w[1], <i32>w[2]);
  if (name == "path_open") return path_open(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3], <i32>w[4], w[5], w[6], <i32>w[7], <i32>w[8]);
  if (name == "environ_sizes_get") return environ_sizes_get(<i32>w[0], <i32>w[1]);
  if (name == "environ_get") return environ_get(<i32>w[0], <i32>w[1]);
  if (name == "args_get") return args_get(<i32>w[0], <i32>w[1]);
  if (name == "args_sizes_get") return args_sizes_get(<i32>w[0], <i32>w[1]);
  if (name == "clock_time_get") return clock_time_get(<i32>w[0], w[1], <i32>w[2]);
  if (name == "random_get") return random_get(<i32>w[0], <i32>w[1]);
  if (name == "sched_yield") return sched_yield();
  if (name == "poll_oneoff") return poll_oneoff(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3]);
  if (name == "proc_exit") {
    proc_exit(<i32>w[0]);
    return 0;
  }
  return UNKNOWN;
}
