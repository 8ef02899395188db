import { arena, Bytes } from "../../lib/bytes";
import { BufferType, HeadersAction, LogLevel, Status } from "../abi/enums";
import { proxy_send_local_response, proxy_set_effective_context } from "../abi/hostcalls";
import { Buffer } from "../hostcalls/buffer";
import { beginEpoch } from "../hostcalls/epoch";
import { logString } from "../hostcalls/log";
import { createRoot, registeredNames, roots, streams } from "./registry";
import { forgetDeleted, isSole, rememberRoot, rememberStream, statelessStream } from "./stateless";
import { Stream } from "./stream";

/** How many callbacks are inside each other. Envoy nests them in one case: `proxy_grpc_stream` to a cluster that cannot be reached. */
let depth: i32 = 0;
let collectDue: bool = false;
let stateless: bool = false;
let cannotAsk: string | null = null;

/**
 * Chosen by `exports/stateless`: one object serves all streams of a root. `problem`: why configurations are refused where the module may not ask which contexts have ended, as
 * Envoy's `CapabilityRestrictionConfig` can have it; a text that other modules do not have.
 */
export function declareStateless(problem: string): void {
  stateless = true;
  cannotAsk = problem;
}

/** Begins a callback. The arena starts anew only at the outermost one: an inner one must not take what the outer one still reads. */
// @ts-ignore: decorator
@inline
export function enter(): void {
  if (depth++ == 0) arena.reset();
  beginEpoch();
}

/** Ends a callback. Garbage, which only configurations leave, is collected when no frame can refer to a managed object. */
// @ts-ignore: decorator
@inline
export function leave(): void {
  if (--depth == 0 && collectDue) collect();
}

/**
 * Has garbage collected when the outermost callback ends: for what is replaced between configurations, a key set that was fetched anew, say.
 * A configuration does so by itself.
 */
export function collectLater(): void {
  collectDue = true;
}

function collect(): void {
  collectDue = false;
  __collect();
}

/** The stream of a context; `null` where it was never announced or the table was full. */
// @ts-ignore: decorator
@inline
export function findStream(contextId: u32): Stream | null {
  const stream = stateless ? statelessStream(contextId) : streams.get(contextId);
  if (stream != null) {
    stream.contextId = contextId;
    stream.state &= stream.keptState;
  }
  return stream;
}

export function onContextCreate(contextId: u32, parentId: u32): void {
  if (stateless && isSole(parentId)) return;
  enter();
  if (parentId == 0) {
    createRoot(contextId);
    if (stateless) collectDue = forgetDeleted() || collectDue;
  } else {
    const root = roots.get(parentId);
    if (stateless) {
      collectDue = rememberStream(contextId, root) || collectDue;
    } else if (root != null) {
      const stream = root.acquire(contextId);
      if (!streams.set(contextId, stream)) root.release(stream);
    }
  }
  leave();
}

const vmConfiguration = new Buffer(BufferType.VmConfiguration);
const pluginConfiguration = new Buffer(BufferType.PluginConfiguration);

export function onVmStart(rootId: u32, size: u32): bool {
  enter();
  const root = roots.get(rootId);
  const started = root == null || root.onVmStart(configurationBytes(vmConfiguration, size));
  leave();
  return started;
}

export function onConfigure(rootId: u32, size: u32): bool {
  enter();
  const accepted = configure(rootId, size);
  collectDue = true;
  leave();
  return accepted;
}

function configure(rootId: u32, size: u32): bool {
  const root = roots.get(rootId);
  if (root == null) {
    logString(LogLevel.Error, `no filter of this module serves this root_id; it must be one of: ${registeredNames()}`);
    return false;
  }
  const restricted = stateless && proxy_set_effective_context(rootId) != Status.Ok;
  const problem = restricted ? cannotAsk : root.configure(configurationBytes(pluginConfiguration, size));
  if (problem != null) {
    logString(LogLevel.Error, `configuration of ${root.pluginName.toString()} refused: ${problem}`);
    // No stream begins with it, and the host may never say that it is gone.
    roots.delete(rootId);
    return false;
  }
  if (stateless) rememberRoot(root);
  return true;
}

function configurationBytes(buffer: Buffer, size: u32): Bytes {
  const bytes = size > 0 ? buffer.get(0, <i32>size) : null;
  return bytes != null ? bytes : Bytes.empty();
}

export function onDelete(contextId: u32): void {
  enter();
  const stream = streams.get(contextId);
  if (stream != null) {
    stream.end();
    streams.delete(contextId);
    stream.root.release(stream);
  } else {
    const root = roots.get(contextId);
    if (root != null) {
      root.onDelete();
      roots.delete(contextId);
      collectDue = true;
    }
  }
  leave();
}

const NO_CONTEXT = Bytes.of("filter_has_no_context");

/** Answers a request that no object can judge: closed, because a security filter may be what is missing. */
export function refuseRequest(): u32 {
  const details = NO_CONTEXT;
  const status: Status = proxy_send_local_response(503, details.pointer, <usize>details.length, 0, 0, 0, 0, -1);
  if (status != Status.Ok) logString(LogLevel.Critical, "a request without a context could not be answered");
  return HeadersAction.StopIteration;
}
