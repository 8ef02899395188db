import {
  boolean,
  choice,
  duration,
  integer,
  isMapping,
  list,
  map,
  object,
  optional,
  portNumber,
  type ReadContext,
  refused,
  required,
  text,
  type FieldType,
} from "../../model/fields/index.ts";

// MeshConfig's `extensionProviders`: what filters, traces and logs speak to outside of the mesh.

const service = required(text(), "Host of the service, as `[NAMESPACE/]HOST`.");
const port = required(portNumber, "Port of the service.");
const timeout = optional(duration({ least: 1 }), "Time for an answer.");
const strings = (about: string) => optional(list(text()), about);
const maxTagLength = optional(integer(), "Longest path in a tag. Default: 256.");

/** Text that Envoy fills in, or labels with such texts. */
const struct: FieldType<Readonly<Record<string, unknown>>> = {
  shape: "mapping",
  read: (value, context) => (isMapping(value) ? value : context.wrong("expected a mapping")),
};

const logFormat = object(
  { text: optional(text({ empty: true }), "A line."), labels: optional(struct, "Fields of a JSON object.") },
  { exclusive: [["text", "labels"]] },
);

const httpHeaders = optional(
  list(
    object(
      {
        name: required(text(), "Name."),
        value: optional(text({ empty: true }), "Value."),
        envName: optional(text(), "Variable in the environment of the control service that has the value."),
      },
      { one: [["value", "envName"]] },
    ),
  ),
  "Headers of the requests to it.",
);

const requestBody = object({
  maxRequestBytes: optional(integer(), "Bytes of the body at most."),
  allowPartialMessage: optional(boolean, "A longer body is cut off instead of refused."),
  packAsBytes: optional(boolean, "As bytes instead of text."),
});

const http = object({ path: required(text(), "Path of requests."), timeout, headers: httpHeaders });
const grpc = object({ timeout, initialMetadata: httpHeaders });

const resourceDetectors = object({
  environment: optional(object({}), "Variable OTEL_RESOURCE_ATTRIBUTES of the proxy."),
  dynatrace: optional(object({}), "Files of Dynatrace's agent beside the proxy."),
});

const INT32 = 2_147_483_648;
const dynatraceSampler = object({
  tenant: required(text(), "Dynatrace's name of the customer."),
  clusterId: required(integer({ least: -INT32, most: INT32 - 1 }), "Dynatrace's number of the cluster."),
  rootSpansPerMinute: optional(integer(), "Requests a minute that are traced while Dynatrace has not said. Default: 1000."),
  httpService: optional(
    object({ service, port, http: required(http, "How it is asked.") }),
    "Whom it asks how much is to be traced. Default: the provider itself, which then needs `http`.",
  ),
});

const NO_TRACER = "Envoy has this tracer no more; use opentelemetry";

const options = {
  envoyExtAuthzHttp: object({
    service,
    port,
    timeout,
    pathPrefix: optional(text(), "Put in front of the path."),
    failOpen: optional(boolean, "Requests pass where it does not answer."),
    clearRouteCache: optional(boolean, "The route is chosen again after it changed headers."),
    statusOnError: optional(text(), "Status where it does not answer. Default: 403."),
    includeHeadersInCheck: strings("Deprecated for includeRequestHeadersInCheck."),
    includeRequestHeadersInCheck: strings("Headers of the request that it sees."),
    includeAdditionalHeadersInCheck: optional(map(text({ empty: true })), "Further headers that it sees."),
    includeRequestBodyInCheck: optional(requestBody, "That it sees the body."),
    headersToUpstreamOnAllow: strings("Headers of its answer that the service sees."),
    headersToDownstreamOnDeny: strings("Headers of its refusal that the client sees."),
    headersToDownstreamOnAllow: strings("Headers of its answer that the client sees."),
  }),
  envoyExtAuthzGrpc: object({
    service,
    port,
    timeout,
    failOpen: optional(boolean, "Requests pass where it does not answer."),
    clearRouteCache: optional(boolean, "The route is chosen again after it changed headers."),
    statusOnError: optional(text(), "Status where it does not answer. Default: 403."),
    includeRequestBodyInCheck: optional(requestBody, "That it sees the body."),
  }),
  zipkin: object({
    service,
    port,
    maxTagLength,
    enable64bitTraceId: optional(boolean, "IDs of 64 bits instead of 128."),
    path: optional(text(), "Path of the collector. Default: /api/v2/spans."),
    traceContextOption: optional(choice("USE_B3", "USE_B3_WITH_W3C_PROPAGATION"), "Headers that carry the trace. Default: USE_B3."),
    timeout,
    headers: httpHeaders,
  }),
  datadog: object({ service, port, maxTagLength }),
  skywalking: object({ service, port, accessToken: optional(text(), "Token that is shown to it.") }),
  opentelemetry: object(
    {
      service,
      port,
      maxTagLength,
      http: optional(http, "By HTTP instead of gRPC."),
      grpc: optional(grpc, "By gRPC; the default."),
      resourceDetectors: optional(resourceDetectors, "What else spans say of the proxy."),
      serviceAttributeEnrichment: optional(
        choice("ISTIO_CANONICAL", "OTEL_SEMANTIC_CONVENTIONS"),
        "How spans name the service: as tracingServiceName says, or by OpenTelemetry's conventions (service.instance.id by its annotation alone). Default: ISTIO_CANONICAL.",
      ),
      dynatraceSampler: optional(dynatraceSampler, "Dynatrace decides what is traced; percentages do not count then."),
    },
    {
      exclusive: [["http", "grpc"]],
      check({ dynatraceSampler: sampler, http: exporter }, context) {
        if (sampler !== undefined && sampler.httpService === undefined && exporter === undefined)
          context.at("dynatraceSampler").wrong("needs httpService, or http of the provider, whom to ask");
      },
    },
  ),
  prometheus: object({}),
  envoyFileAccessLog: object({
    path: optional(text(), "Path of the file. Default: /dev/stdout."),
    logFormat: optional(logFormat, "Default: Istio's."),
    omitEmptyValues: optional(boolean, "Fields without a value are left out."),
  }),
  envoyHttpAls: object({
    service,
    port,
    logName: optional(text(), "Default: http_envoy_accesslog."),
    filterStateObjectsToLog: strings("Filter state that is sent."),
    additionalRequestHeadersToLog: strings("Headers of requests that are sent."),
    additionalResponseHeadersToLog: strings("Headers of responses that are sent."),
    additionalResponseTrailersToLog: strings("Trailers of responses that are sent."),
  }),
  envoyTcpAls: object({
    service,
    port,
    logName: optional(text(), "Default: tcp_envoy_accesslog."),
    filterStateObjectsToLog: strings("Filter state that is sent."),
  }),
  envoyOtelAls: object({
    service,
    port,
    logName: optional(text(), "Default: otel_envoy_accesslog."),
    logFormat: optional(logFormat, "Default: Istio's, as text."),
  }),
} as const;

const fields = object(
  {
    name: required(text(), "Name by which Telemetry, AuthorizationPolicy and defaultProviders speak of it."),
    ...(Object.fromEntries(
      Object.entries(options).map(([type, fieldType]) => [type, optional(fieldType as FieldType<unknown>, "One of the types.")]),
    ) as {
      [Type in keyof typeof options]: ReturnType<typeof optional<Readonly<Record<string, unknown>>>>;
    }),
    lightstep: refused(NO_TRACER),
    stackdriver: refused(NO_TRACER),
    opencensus: refused(NO_TRACER),
    sds: refused("certificates come from Secrets and files"),
  },
  { one: [Object.keys(options) as (keyof typeof options)[]] },
);

export interface ProviderFields {
  readonly name: string;
  readonly type: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** One provider, told apart by the member of Istio's oneof. */
export const provider: FieldType<ProviderFields> = {
  shape: "object",
  members: fields.members,
  read(value: unknown, context: ReadContext) {
    const read = fields.read(value, context);
    if (read === undefined) return undefined;
    const [type] = Object.keys(options).filter((each) => read[each as keyof typeof options] !== undefined);
    if (type === undefined) return undefined;
    const { [type as keyof typeof options]: found = {} } = read;
    return { name: read.name, type, options: found };
  },
};
