import {
  boolean,
  choice,
  defaulted,
  integer,
  list,
  map,
  object,
  optional,
  portNumber,
  required,
  text,
  type FieldType,
} from "../../model/fields/index.ts";

/** A port's number, or the name of a port of the pods; all digits are a number, as Kubernetes allows no such name. */
const targetPort: FieldType<number | string> = {
  shape: "port number or name",
  read(value, context) {
    if (typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value))) return portNumber.read(value, context);
    return text({ shape: "port number or name" }).read(value, context);
  },
};

const port = object(
  {
    name: optional(
      text({ empty: true }),
      "Name; needed where there are several ports. What stands before the first hyphen is the protocol: `http-web`.",
    ),
    port: required(portNumber, "Number by which clients call it."),
    protocol: defaulted(choice("TCP", "UDP", "SCTP"), "TCP", "Protocol of the transport; UDP and SCTP are not proxied."),
    appProtocol: optional(text(), "Protocol of the application; goes before the name."),
    targetPort: optional(targetPort, "Where the pods listen, by number or by the name of a container's port. Default: `port`."),
  },
  { ignored: ["nodePort"] },
);

/** `v1.ServiceSpec` of Kubernetes. */
export const fields = object(
  {
    type: defaulted(
      choice("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
      "ClusterIP",
      "ExternalName stands for a name of DNS; the others are one for a mesh.",
    ),
    ports: defaulted(list(port), [], "The ports."),
    selector: optional(
      map(text({ empty: true })),
      "Labels of the pods behind it. Without them its Endpoints or EndpointSlices are what is behind it.",
    ),
    clusterIP: optional(text({ empty: true }), "Its address; `None`: headless."),
    clusterIPs: optional(list(text({ empty: true })), "Its addresses, of both families."),
    externalName: optional(
      text(),
      "Of type ExternalName: the name that DNS is asked for; where it is a service of the mesh, this is another name of that.",
    ),
    sessionAffinity: defaulted(
      choice("None", "ClientIP"),
      "None",
      "ClientIP: requests from an address stay at one endpoint, unless a DestinationRule says how to balance.",
    ),
    sessionAffinityConfig: optional(
      object({
        clientIP: optional(
          object({ timeoutSeconds: optional(integer({ most: 86_400 }), "Has no effect: the endpoint follows from the address alone.") }),
          "Of ClientIP.",
        ),
      }),
      "Of the affinity.",
    ),
    publishNotReadyAddresses: defaulted(boolean, false, "Endpoints that are not ready get traffic too."),
    internalTrafficPolicy: defaulted(choice("Cluster", "Local"), "Cluster", "Local: only endpoints on the client's node."),
    trafficDistribution: optional(
      choice("PreferClose", "PreferSameZone", "PreferSameNode"),
      "Prefers endpoints in the client's zone (PreferClose, PreferSameZone) or on its node.",
    ),
  },
  {
    ignored: [
      "allocateLoadBalancerNodePorts",
      "externalIPs",
      "externalTrafficPolicy",
      "healthCheckNodePort",
      "ipFamilies",
      "ipFamilyPolicy",
      "loadBalancerClass",
      "loadBalancerIP",
      "loadBalancerSourceRanges",
      "topologyKeys",
    ],
  },
);

export type ServiceSpec = NonNullable<ReturnType<typeof fields.read>>;
