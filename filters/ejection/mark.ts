import { HeaderMap, LogLevel, logString, Property } from "../sdk";
import { HEALTH_CHECK_HEADER, HEALTH_CHECK_VALUE, MARK_HEADER, MARK_VALUE } from "./headers";
import { EjectionRoot } from "./root";
import { EjectBy, Settings } from "./settings";

const responseCode = Property.named("response.code");

/**
 * Has Envoy take the host out. In the downstream chain, where the response has a code already, a mark would have no effect but to reach the
 * client: there it is left out, with a warning.
 */
export function mark(root: EjectionRoot, settings: Settings, headers: HeaderMap): void {
  if (responseCode.get() != null) {
    root.warnOnce(
      "runs in the downstream chain, where it can eject nothing: it belongs in http_filters of the cluster's HttpProtocolOptions",
    );
    return;
  }
  root.marks.increment();
  if (settings.ejectBy == EjectBy.HealthCheck) headers.set(HEALTH_CHECK_HEADER.bytes, HEALTH_CHECK_VALUE.bytes);
  else headers.set(MARK_HEADER.bytes, MARK_VALUE.bytes);
}
