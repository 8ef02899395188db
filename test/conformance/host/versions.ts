/** WASI functions that Envoy has since 1.39; a module that imports one does not load before. */
const SINCE_1_39 = [
  ...["clock_res_get", "fd_advise", "fd_allocate", "fd_datasync", "fd_fdstat_set_rights", "fd_filestat_get", "fd_filestat_set_size"],
  ...["fd_filestat_set_times", "fd_pread", "fd_pwrite", "fd_readdir", "fd_renumber", "fd_sync", "fd_tell", "path_create_directory"],
  ...["path_filestat_get", "path_filestat_set_times", "path_link", "path_readlink", "path_remove_directory", "path_rename", "path_symlink"],
  ...["path_unlink_file", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"],
];

/** Hostcalls of 1.40 that a version of Envoy, as `1.38`, has not. */
export function missingIn(version: string): ReadonlySet<string> {
  return new Set(Number(version.split(".")[1]) < 39 ? SINCE_1_39 : []);
}

/** The version that the host is like. */
export const NEWEST = "1.40";

/** The foreign function `sign` came with 1.37. */
const NO_SIGN: RecordedDifference = {
  hostcall: "proxy_call_foreign_function",
  what: "sign of no message",
  kind: "wrong",
  host: "2 null/0",
  envoy: "1 -",
  callbacks: "all",
};

/** Before 1.39 nothing can be polled: ENOSYS. */
const NO_POLL: RecordedDifference = {
  hostcall: "poll_oneoff",
  what: "valid",
  kind: "valid",
  host: "0 00000000",
  envoy: "52 -",
  callbacks: "all",
};

/** What a version does otherwise than the host, which is like 1.40. What no longer differs fails the test: the list may only shrink. */
export const DIFFERENCES: Readonly<Record<string, readonly RecordedDifference[]>> = {
  "1.36": [NO_SIGN, NO_POLL],
  "1.37": [NO_POLL],
  "1.38": [NO_POLL],
};

/** Effects that a version has otherwise, by title; no version differs in what a hostcall returns. */
export const EFFECT_DIFFERENCES: Readonly<Record<string, readonly string[]>> = {};

export interface RecordedDifference {
  readonly hostcall: string;
  readonly what: string;
  readonly kind: "valid" | "wrong";
  readonly host: string;
  readonly envoy: string;
  /** `all`: in more than twenty. */
  readonly callbacks: readonly string[] | "all";
}
