import { choice, defaulted, list, object, optional, portNumber, required, text } from "../../model/fields/index.ts";

const container = object(
  {
    name: required(text(), "Name."),
    ports: optional(
      list(
        object(
          {
            name: optional(text({ empty: true }), "Name, by which a service's `targetPort` may call it."),
            containerPort: required(portNumber, "Number."),
          },
          { ignored: ["hostIP", "hostPort", "protocol"] },
        ),
      ),
      "Ports on which it listens.",
    ),
  },
  {
    ignored: [
      ...[
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "lifecycle",
        "livenessProbe",
        "readinessProbe",
        "resizePolicy",
        "resources",
      ],
      ...[
        "restartPolicy",
        "restartPolicyRules",
        "securityContext",
        "startupProbe",
        "stdin",
        "stdinOnce",
        "terminationMessagePath",
        "terminationMessagePolicy",
      ],
      ...["tty", "volumeDevices", "volumeMounts", "workingDir"],
    ],
  },
);

const spec = object(
  {
    containers: defaulted(list(container), [], "Its containers."),
    initContainers: defaulted(list(container), [], "Containers that run first, or beside the others where they are restarted always."),
    serviceAccountName: optional(text({ empty: true }), "Account under which it runs. Default: `default`."),
    serviceAccount: optional(text({ empty: true }), "The same, the older name."),
    nodeName: optional(text({ empty: true }), "The node on which it runs."),
  },
  {
    ignored: [
      ...[
        "activeDeadlineSeconds",
        "affinity",
        "automountServiceAccountToken",
        "dnsConfig",
        "dnsPolicy",
        "enableServiceLinks",
        "ephemeralContainers",
      ],
      ...[
        "hostAliases",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostUsers",
        "hostname",
        "hostnameOverride",
        "imagePullSecrets",
        "nodeSelector",
        "os",
      ],
      ...[
        "overhead",
        "preemptionPolicy",
        "priority",
        "priorityClassName",
        "readinessGates",
        "resourceClaims",
        "resources",
        "restartPolicy",
      ],
      ...[
        "runtimeClassName",
        "schedulerName",
        "schedulingGates",
        "securityContext",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "subdomain",
      ],
      ...["terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints", "volumes"],
    ],
  },
);

const status = object(
  {
    phase: optional(
      choice("Pending", "Running", "Succeeded", "Failed", "Unknown"),
      "Where it is in its life; only one that runs takes traffic. Default: Running.",
    ),
    podIP: optional(text({ empty: true }), "Its address. Without one it cannot be reached."),
    podIPs: optional(list(object({ ip: required(text(), "Address.") }, { ignored: [] })), "Its addresses, of both families."),
    conditions: optional(
      list(
        object(
          { type: required(text(), "`Ready`, and others."), status: required(choice("True", "False", "Unknown"), "Whether it holds.") },
          { ignored: ["lastProbeTime", "lastTransitionTime", "message", "observedGeneration", "reason"] },
        ),
      ),
      "What holds of it. Without `Ready` it is ready while it runs.",
    ),
    startTime: optional(text({ empty: true }), "Has no effect."),
    hostIP: optional(text({ empty: true }), "Has no effect."),
  },
  {
    ignored: [
      ...[
        "allocatedResources",
        "containerStatuses",
        "ephemeralContainerStatuses",
        "extendedResourceClaimStatus",
        "hostIPs",
        "initContainerStatuses",
        "message",
      ],
      ...["nominatedNodeName", "observedGeneration", "qosClass", "reason", "resize", "resourceClaimStatuses", "resources"],
    ],
  },
);

/** `v1.Pod` of Kubernetes. */
export const fields = object({ spec: optional(spec, "What it is to be."), status: optional(status, "What it is.") }, { ignored: [] });

export type PodSpec = NonNullable<ReturnType<typeof fields.read>>;
