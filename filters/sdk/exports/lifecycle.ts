import "../abi/abort";
import { arena } from "../../lib/bytes";
import * as callbacks from "../contexts/callbacks";

// What every module needs: memory for the host, the mark of the ABI, root contexts.

/** The host allocates here what it hands over, only while a callback runs, so it lives as long as that callback. */
export function malloc(size: usize): usize {
  return arena.allocate(size);
}

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_context_create(contextId: u32, parentContextId: u32): void {
  callbacks.onContextCreate(contextId, parentContextId);
}

export function proxy_on_vm_start(rootContextId: u32, vmConfigurationSize: u32): u32 {
  return callbacks.onVmStart(rootContextId, vmConfigurationSize) ? 1 : 0;
}

export function proxy_on_configure(rootContextId: u32, pluginConfigurationSize: u32): u32 {
  return callbacks.onConfigure(rootContextId, pluginConfigurationSize) ? 1 : 0;
}
