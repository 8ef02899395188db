import { create } from "@bufbuild/protobuf";
import { typeUrl } from "../../../envoy-api/index.ts";
import { ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import type { ProxyView } from "../../../model/index.ts";
import type { Translated, XdsType } from "../xds-type.ts";
import { gatewayListeners } from "./gateway/listener.ts";
import { boundInbound, virtualInbound } from "./inbound/listener.ts";
import { boundPorts } from "./inbound/ports.ts";
import { virtualOutbound } from "./outbound/catch-all.ts";
import { outboundListener } from "./outbound/listener.ts";
import { type OutboundListener, planOutbound } from "./outbound/plan.ts";
import type { Init } from "./init.ts";

/**
 * Where a proxy listens. The units are its listeners: for an outbound one the unit is what was planned for it, as JSON, so that it changes with the plan, and nothing about it depends
 * on services that it does not serve.
 */
export const listenerType: XdsType<typeof ListenerSchema> = {
  name: "listener",
  schema: ListenerSchema,
  // After clusters, which listeners name; before routes, for which a listener asks.
  rules: { order: 30, complete: true, wildcard: true, waitsFor: [typeUrl(ClusterSchema)] },
  *units(view) {
    if (view.client().type !== "sidecar") {
      yield "gateway";
      return;
    }
    const redirected = view.client().interceptionMode !== "NONE";
    if (redirected) yield* ["virtual-outbound", "virtual-inbound"];
    if (boundPorts(view).length > 0) yield "bound-inbound";
    for (const planned of planOutbound(view)) yield JSON.stringify(planned);
  },
  translate: (view, unit) =>
    listenersOf(view, unit).map((init): Translated<typeof ListenerSchema> => {
      const message = create(ListenerSchema, init);
      return { name: message.name, message };
    }),
};

function listenersOf(view: ProxyView, unit: string): readonly Init<typeof ListenerSchema>[] {
  switch (unit) {
    case "virtual-outbound":
      return [virtualOutbound(view)];
    case "virtual-inbound":
      return [virtualInbound(view)];
    case "bound-inbound":
      return boundPorts(view).map((port) => boundInbound(view, port));
    case "gateway":
      return gatewayListeners(view);
    default:
      return [outboundListener(view, JSON.parse(unit) as OutboundListener)];
  }
}
