import { boolean, choice, defaulted, list, map, object, optional, portNumber, required, text } from "../../model/fields/index.ts";

const endpoint = object(
  {
    addresses: required(list(text(), { least: 1, most: 100 }), "Its addresses."),
    conditions: optional(
      object(
        {
          ready: optional(boolean, "Whether it takes traffic. Default: true."),
          serving: optional(boolean, "Whether it still answers, even while it terminates. Default: as `ready`."),
          terminating: optional(boolean, "Whether it is being taken down. Default: false."),
        },
        { ignored: [] },
      ),
      "What it can do now.",
    ),
    nodeName: optional(text({ empty: true }), "The node on which it runs."),
    zone: optional(text({ empty: true }), "The zone in which it runs."),
    deprecatedTopology: optional(map(text({ empty: true })), "Labels of where it runs, up to version v1beta1."),
    topology: optional(map(text({ empty: true })), "The same in version v1beta1."),
    targetRef: optional(
      object(
        {
          kind: optional(text({ empty: true }), "Pod; what refers to anything else says nothing of the workload."),
          name: optional(text({ empty: true }), "Name of the pod."),
          namespace: optional(text({ empty: true }), "Its namespace."),
        },
        { ignored: ["apiVersion", "fieldPath", "resourceVersion", "uid"] },
      ),
      "The pod.",
    ),
  },
  // Istio does not follow hints; a service's `trafficDistribution` does what they are made for.
  { ignored: ["hints", "hostname"] },
);

const port = object(
  {
    name: optional(text({ empty: true }), "Name of the service's port; empty for one without a name."),
    port: optional(portNumber, "Number; without it the port is not served."),
  },
  { ignored: ["protocol", "appProtocol"] },
);

/** `discovery.k8s.io/v1.EndpointSlice`. */
export const fields = object(
  {
    addressType: defaulted(
      choice("IPv4", "IPv6", "FQDN"),
      "IPv4",
      "What the addresses are. Names of DNS are not supported by EDS and are left out.",
    ),
    endpoints: defaulted(list(endpoint), [], "The endpoints."),
    ports: defaulted(list(port), [], "The ports on which all of them listen."),
  },
  { ignored: [] },
);

export type EndpointSliceSpec = NonNullable<ReturnType<typeof fields.read>>;
