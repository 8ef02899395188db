// The WASI functions that Envoy has since 1.39.

import { UNKNOWN } from "./calls";

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_pwrite")
declare function fd_pwrite(w0: i32, w1: i32, w2: i32, w3: i64, w4: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_pread")
declare function fd_pread(w0: i32, w1: i32, w2: i32, w3: i64, w4: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_fdstat_set_rights")
declare function fd_fdstat_set_rights(w0: i32, w1: i64, w2: i64): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_advise")
declare function fd_advise(w0: i32, w1: i64, w2: i64, w3: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_allocate")
declare function fd_allocate(w0: i32, w1: i64, w2: i64): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_datasync")
declare function fd_datasync(w0: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_sync")
declare function fd_sync(w0: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_filestat_get")
declare function fd_filestat_get(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_filestat_set_size")
declare function fd_filestat_set_size(w0: i32, w1: i64): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_filestat_set_times")
declare function fd_filestat_set_times(w0: i32, w1: i64, w2: i64, w3: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_readdir")
declare function fd_readdir(w0: i32, w1: i32, w2: i32, w3: i64, w4: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_renumber")
declare function fd_renumber(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_tell")
declare function fd_tell(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_filestat_get")
declare function path_filestat_get(w0: i32, w1: i32, w2: i32, w3: i32, w4: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_create_directory")
declare function path_create_directory(w0: i32, w1: i32, w2: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_filestat_set_times")
declare function path_filestat_set_times(w0: i32, w1: i32, w2: i32, w3: i32, w4: i64, w5: i64, w6: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_link")
declare function path_link(w0: i32, w1: i32, w2: i32, w3: i32, w4: i32, w5: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_readlink")
declare function path_readlink(w0: i32, w1: i32, w2: i32, w3: i32, w4: i32, w5: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_remove_directory")
declare function path_remove_directory(w0: i32, w1: i32, w2: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_rename")
declare function path_rename(w0: i32, w1: i32, w2: i32, w3: i32, w4: i32, w5: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_symlink")
declare function path_symlink(w0: i32, w1: i32, w2: i32, w3: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_unlink_file")
declare function path_unlink_file(w0: i32, w1: i32, w2: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "sock_accept")
declare function sock_accept(w0: i32, w1: i32, w2: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "sock_recv")
declare function sock_recv(w0: i32, w1: i32, w2: i32, w3: i32, w4: i32, w5: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "sock_send")
declare function sock_send(w0: i32, w1: i32, w2: i32, w3: i32, w4: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "sock_shutdown")
declare function sock_shutdown(w0: i32, w1: i32): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_res_get")
declare function clock_res_get(w0: i32, w1: i32): u32;

export function callNewer(name: string, w: StaticArray<i64>): u32 {
  if (name == "fd_pwrite") return fd_pwrite(<i32>w[0], <i32>w[1], <i32>w[2], w[3], <i32>w[4]);
  if (name == "fd_pread") return fd_pread(<i32>w[0], <i32>w[1], <i32>w[2], w[3], <i32>w[4]);
  if (name == "fd_fdstat_set_rights") return fd_fdstat_set_rights(<i32>w[0], w[1], w[2]);
  if (name == "fd_advise") return fd_advise(<i32>w[0], w[1], w[2], <i32>w[3]);
  if (name == "fd_allocate") return fd_allocate(<i32>w[0], w[1], w[2]);
  if (name == "fd_datasync") return fd_datasync(<i32>w[0]);
  if (name == "fd_sync") return fd_sync(<i32>w[0]);
  if (name == "fd_filestat_get") return fd_filestat_get(<i32>w[0], <i32>w[1]);
  if (name == "fd_filestat_set_size") return fd_filestat_set_size(<i32>w[0], w[1]);
  if (name == "fd_filestat_set_times") return fd_filestat_set_times(<i32>w[0], w[1], w[2], <i32>w[3]);
  if (name == "fd_readdir") return fd_readdir(<i32>w[0], <i32>w[1], <i32>w[2], w[3], <i32>w[4]);
  if (name == "fd_renumber") return fd_renumber(<i32>w[0], <i32>w[1]);
  if (name == "fd_tell") return fd_tell(<i32>w[0], <i32>w[1]);
  if (name == "path_filestat_get") return path_filestat_get(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3], <i32>w[4]);
  if (name == "path_create_directory") return path_create_directory(<i32>w[0], <i32>w[1], <i32>w[2]);
  if (name == "path_filestat_set_times") return path_filestat_set_times(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3], w[4], w[5], <i32>w[6]);
  if (name == "path_link") return path_link(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3], <i32>w[4], <i32>w[5]);
  if (name == "path_readlink") return path_readlink(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3], <i32>w[4], <i32>w[5]);
  if (name == "path_remove_directory") return path_remove_directory(<i32>w[0], <i32>w[1], <i32>w[2]);
  if (name == "path_rename") return path_rename(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3], <i32>w[4], <i32>w[5]);
  if (name == "path_symlink") return path_symlink(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3]);
  if (name == "path_unlink_file") return path_unlink_file(<i32>w[0], <i32>w[1], <i32>w[2]);
  if (name == "sock_accept") return sock_accept(<i32>w[0], <i32>w[1], <i32>w[2]);
  if (name == "sock_recv") return sock_recv(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3], <i32>w[4], <i32>w[5]);
  if (name == "sock_send") return sock_send(<i32>w[0], <i32>w[1], <i32>w[2], <i32>w[3], <i32>w[4]);
  if (name == "sock_shutdown") return sock_shutdown(<i32>w[0], <i32>w[1]);
  if (name == "clock_res_get") return clock_res_get(<i32>w[0], <i32>w[1]);
  return UNKNOWN;
}
