import { choice, defaulted, integer, list, map, object, optional, portNumber, refused, required, text } from "../../model/fields/index.ts";
import { labels, workloadEntryFields } from "../../model/parts/index.ts";

const seconds = (about: string, fallback: number) => defaulted(integer({ most: 2_147_483_647 }), fallback, about);
const port = required(portNumber, "Port.");

const header = object({
  name: required(
    text({ check: (value) => (/^[-\w]+$/.test(value) ? undefined : `${JSON.stringify(value)} is no name of a header`) }),
    "Name.",
  ),
  value: defaulted(text({ empty: true }), "", "Value."),
});

export const probe = object(
  {
    initialDelaySeconds: seconds("Seconds until the first time.", 0),
    timeoutSeconds: seconds("Seconds for an answer. Default: 1.", 1),
    periodSeconds: seconds("Seconds between two times. Default: 10.", 10),
    successThreshold: seconds("Successes in a row until it counts as healthy. Default: 1.", 1),
    failureThreshold: seconds("Failures in a row until it does no more. Default: 3.", 3),
    httpGet: optional(
      object({
        path: defaulted(text(), "/", "Path."),
        port,
        host: optional(text(), "Where to connect to. Default: 127.0.0.1."),
        scheme: defaulted(choice("HTTP", "HTTPS"), "HTTP", "HTTPS takes any certificate."),
        httpHeaders: defaulted(list(header), [], "Headers of the request."),
      }),
      "Healthy is who answers with a status from 200 to 399.",
    ),
    tcpSocket: optional(
      object({ host: optional(text(), "Where to connect to. Default: 127.0.0.1."), port }),
      "Healthy is who takes a connection.",
    ),
    exec: optional(
      object({ command: required(list(text(), { least: 1 }), "Program and arguments.") }),
      "Healthy is where a program ends with 0; it runs as the user of `meshwright proxy`.",
    ),
    grpc: optional(
      object({ port, service: defaulted(text({ empty: true }), "", "Name of the service that is asked for.") }),
      "Healthy is who says SERVING (grpc.health.v1).",
    ),
  },
  { one: [["httpGet", "tcpSocket", "exec", "grpc"]] },
);

/** Istio's API says that an address has no place here; its `ValidateWorkloadGroup` takes one and forgets it. */
const template = object({
  ...workloadEntryFields,
  address: refused("every entry has the address of the proxy that registers; leave it out"),
});

/** `istio.networking.v1alpha3.WorkloadGroup`. */
export const fields = object({
  metadata: optional(
    object({
      labels: defaulted(labels, {}, "Labels of the entries."),
      annotations: defaulted(map(text({ empty: true })), {}, "Annotations of the entries."),
    }),
    "What entries of this group get.",
  ),
  template: required(template, "The entries of this group; the address is that of the proxy that registers."),
  probe: optional(
    probe,
    "By which `meshwright proxy -f` finds out whether the workload is healthy. Default: it is while its proxy is connected.",
  ),
});

export type WorkloadGroupSpec = NonNullable<ReturnType<typeof fields.read>>;
export type Probe = NonNullable<ReturnType<typeof probe.read>>;
