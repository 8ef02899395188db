import * as callbacks from "../contexts/callbacks";

export * from "./lifecycle";

// For filters that keep something per stream.

export function proxy_on_delete(contextId: u32): void {
  callbacks.onDelete(contextId);
}
