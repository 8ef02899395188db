import {
  boolean,
  choice,
  decimal,
  defaulted,
  type FieldType,
  integer,
  list,
  map,
  object,
  optional,
  portNumber,
  refused,
  required,
  text,
} from "../../model/fields/index.ts";
import { dnsLabel, wholeMilliseconds, wrongDnsLabel } from "../../model/parts/index.ts";
import { wrongChangedHeader, wrongHeaderValue } from "./header-name.ts";
import { httpMatch, stringMatch } from "./match-fields.ts";
import { regex } from "./regex.ts";
import { retries } from "./retry-fields.ts";

/** Istio's codes of gRPC by their names (`pkg/util/grpc`); a number is refused there too. */
export const GRPC_STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export const destination = object({
  host: required(text(), "Host of a service; a name without a dot is that of a service in the object's namespace."),
  subset: optional(dnsLabel, "A subset of it that a DestinationRule names."),
  port: optional(object({ number: required(portNumber, "Number of the service's port.") }), "Needed where the service has several."),
});

const headerValues = map(text({ empty: true, check: wrongHeaderValue }), { key: wrongChangedHeader });

const headerOperations = object({
  set: defaulted(headerValues, {}, "Headers to overwrite."),
  add: defaulted(headerValues, {}, "Headers to add to those that are there."),
  remove: defaulted(list(text({ shape: "header name", check: wrongRemovedHeader })), [], "Headers to take away."),
});

function wrongRemovedHeader(name: string): string | undefined {
  const lower = name.toLowerCase();
  // Envoy refuses a route that removes these.
  return lower === "host" || lower.startsWith(":") ? `${JSON.stringify(name)} cannot be removed` : wrongChangedHeader(name);
}

export const headers = object({
  request: optional(headerOperations, "Of the request."),
  response: optional(headerOperations, "Of the response."),
});

/** `Percent`. */
const percentage = object({ value: defaulted(decimal({ least: 0, most: 100 }), 0, "0 to 100, to the millionth.") });

const weight = defaulted(
  integer({ most: 2_147_483_647 }),
  0,
  "Share of the requests; 0 counts as all where there is no other destination.",
);

const routeDestination = object({
  destination: required(destination, "Where to."),
  weight,
  headers: optional(headers, "Changes of headers for this destination."),
});

/** Of TLS and TCP routes. */
export const connectionDestination = object({ destination: required(destination, "Where to."), weight });

const redirect = object(
  {
    uri: optional(text(), "Replaces the whole path; the query stays unless this has one."),
    prefixRewrite: optional(text(), "Replaces the prefix that the match asked for."),
    authority: optional(text(), "Replaces the host."),
    port: optional(portNumber, "Replaces the port."),
    derivePort: optional(choice("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"), "Where the port comes from."),
    scheme: optional(choice("http", "https"), "Replaces the scheme."),
    redirectCode: defaulted(redirectCode(), 301, "301, 302, 303, 307 or 308. Default: 301."),
  },
  {
    exclusive: [
      ["uri", "prefixRewrite"],
      ["port", "derivePort"],
    ],
  },
);

function redirectCode(): FieldType<number> {
  const number = integer();
  return {
    shape: "301 | 302 | 303 | 307 | 308",
    read(value, context) {
      const code = number.read(value, context);
      // 0 is as good as nothing in proto3.
      if (code === 0) return 301;
      return code === undefined || [301, 302, 303, 307, 308].includes(code)
        ? code
        : context.wrong(`${code} is no redirect; take 301, 302, 303, 307 or 308`);
    },
  };
}

const base64: FieldType<Uint8Array> = {
  shape: "base64",
  read(value, context) {
    if (typeof value !== "string" || !/^[-A-Za-z0-9+/_]*={0,2}$/.test(value)) return context.wrong("expected base64");
    return new Uint8Array(Buffer.from(value, "base64"));
  },
};

/** Istio's limit, and the one that routes are given in Envoy. */
const MAX_BODY = 1024 * 1024;

const directResponse = object({
  status: required(integer({ least: 200, most: 599, shape: "HTTP status" }), "HTTP status of the answer."),
  body: optional(
    object(
      { string: optional(text({ empty: true }), "As text."), bytes: optional(base64, "As base64.") },
      {
        exclusive: [["string", "bytes"]],
        check({ string, bytes }, context) {
          const length = bytes?.length ?? Buffer.byteLength(string ?? "");
          if (length > MAX_BODY) context.wrong(`is ${length} bytes long; at most ${MAX_BODY} are allowed`);
        },
      },
    ),
    "Body of the answer.",
  ),
});

const delegate = object({
  name: required(text(), "Name of the VirtualService whose routes stand here."),
  namespace: optional(text({ check: wrongDnsLabel }), "Its namespace. Default: the object's."),
});

const rewrite = object(
  {
    uri: optional(text(), "Replaces the prefix that the match asked for, or the whole path where it asked for none."),
    authority: optional(text(), "Replaces the host."),
    uriRegexRewrite: optional(
      object({
        match: required(regex, "What to replace in the path."),
        rewrite: required(text({ empty: true, check: wrongSubstitution }), "What with; \\1 is the first group."),
      }),
      "Replaces parts of the path.",
    ),
  },
  { exclusive: [["uri", "uriRegexRewrite"]] },
);

function wrongSubstitution(value: string): string | undefined {
  return /^([^\\]|\\[0-9\\])*$/.test(value) ? undefined : `a backslash must be followed by the number of a group, or by another one`;
}

const fault = object({
  delay: optional(
    object({
      fixedDelay: required(wholeMilliseconds, "How long a request waits."),
      percentage: optional(percentage, "Of how many requests. Default: none."),
      percent: optional(integer({ most: 100 }), "The same as a whole number; older."),
      exponentialDelay: refused("Istio's API has the name, and neither Istio nor Envoy's fault filter carries it out; use fixedDelay"),
    }),
    "Requests that wait.",
  ),
  abort: optional(
    object(
      {
        httpStatus: optional(integer({ least: 200, most: 599, shape: "HTTP status" }), "HTTP status of the answer."),
        grpcStatus: optional(choice(...(Object.keys(GRPC_STATUS) as (keyof typeof GRPC_STATUS)[])), "Status of gRPC, by name."),
        percentage: optional(percentage, "Of how many requests. Default: none."),
        http2Error: refused(
          "Istio's API has the name, and neither Istio nor Envoy's fault filter carries it out; use httpStatus or grpcStatus",
        ),
      },
      { one: [["httpStatus", "grpcStatus"]] },
    ),
    "Requests that are answered at once.",
  ),
});

const corsPolicy = object({
  allowOrigin: defaulted(list(text()), [], "Origins, exactly, or `*`; older."),
  allowOrigins: defaulted(list(stringMatch), [], "Origins that may call."),
  allowMethods: defaulted(list(text()), [], "`access-control-allow-methods`."),
  allowHeaders: defaulted(list(text()), [], "`access-control-allow-headers`."),
  exposeHeaders: defaulted(list(text()), [], "`access-control-expose-headers`."),
  maxAge: optional(wholeMilliseconds, "`access-control-max-age`, whole seconds."),
  allowCredentials: optional(boolean, "`access-control-allow-credentials`."),
  unmatchedPreflights: defaulted(
    choice("UNSPECIFIED", "FORWARD", "IGNORE"),
    "FORWARD",
    "Preflights of other origins: FORWARD sends them on. Default: FORWARD.",
  ),
});

const mirror = object({
  destination: required(destination, "Where to."),
  percentage: optional(percentage, "Of how many requests. Default: all."),
});

export const httpRoute = object({
  name: defaulted(text({ empty: true }), "", "Stands in the access log."),
  match: defaulted(list(httpMatch), [], "Alternatives; all conditions of one must hold. None: every request."),
  route: defaulted(list(routeDestination), [], "Where requests go."),
  redirect: optional(redirect, "Sends the client elsewhere."),
  directResponse: optional(directResponse, "Answers by itself."),
  delegate: optional(delegate, "Routes of another VirtualService that stand here."),
  rewrite: optional(rewrite, "Changes path or host on the way."),
  timeout: optional(wholeMilliseconds, "For the whole answer, retries included. Default: none."),
  retries: optional(retries, "How often requests are sent again. Default: the mesh's, 2 attempts."),
  fault: optional(fault, "Faults to inject."),
  mirror: optional(destination, "Gets a copy of requests."),
  mirrors: defaulted(list(mirror), [], "Get copies of requests."),
  mirrorPercent: optional(integer({ most: 100 }), "Of how many requests `mirror` gets a copy; older."),
  mirrorPercentage: optional(percentage, "Of how many requests `mirror` gets a copy. Default: all."),
  corsPolicy: optional(corsPolicy, "Which web pages of other origins may call."),
  headers: optional(headers, "Changes of headers."),
});
