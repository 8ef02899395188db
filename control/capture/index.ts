/**
 * Traffic of a network namespace redirected to the Envoy in it, as Istio's sidecars have it: by the kernel, with rules that nft or iptables set.
 *
 * ```ts
 * const options = readCaptureOptions({ lists: { excludeOutboundPorts: "5432" }, annotations: {} });
 * if ("families" in options) await setCapture(options, captureHere());
 * ```
 */
export { captureHere, captureScript, removeCapture, setCapture, TOOL_NAMES, type CaptureEnvironment, type ToolName } from "./capture.ts";
export { lockCapture } from "./lock.ts";
export {
  CAPTURE_LISTS,
  INBOUND_PORT,
  OUTBOUND_PORT,
  OWN_PORTS,
  PROXY_USER,
  readCaptureOptions,
  type CaptureLists,
  type CaptureOptions,
  type CaptureRequest,
  type IpFamily,
  type IpRange,
} from "./options.ts";
export { CaptureError, type CaptureErrorCode } from "./tool.ts";
