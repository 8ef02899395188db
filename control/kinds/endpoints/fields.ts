import { defaulted, list, object, optional, portNumber, required, text } from "../../model/fields/index.ts";

const address = object(
  {
    ip: required(text(), "Its address."),
    nodeName: optional(text({ empty: true }), "The node on which it runs."),
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
  { ignored: ["hostname"] },
);

const port = object(
  {
    name: optional(text({ empty: true }), "Name of the service's port; empty for one without a name."),
    port: required(portNumber, "Number."),
  },
  { ignored: ["protocol", "appProtocol"] },
);

const subset = object(
  {
    addresses: defaulted(list(address), [], "Endpoints that take traffic."),
    notReadyAddresses: defaulted(list(address), [], "Endpoints that do not, unless the service publishes them."),
    ports: defaulted(list(port), [], "The ports on which all of them listen."),
  },
  { ignored: [] },
);

/** `v1.Endpoints` of Kubernetes. */
export const fields = object({ subsets: defaulted(list(subset), [], "Addresses with the same ports.") }, { ignored: [] });

export type EndpointsSpec = NonNullable<ReturnType<typeof fields.read>>;
