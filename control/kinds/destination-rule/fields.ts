import { isIP } from "node:net";
import {
  boolean,
  choice,
  decimal,
  defaulted,
  duration,
  integer,
  list,
  object,
  optional,
  portNumber,
  refused,
  required,
  text,
} from "../../model/fields/index.ts";
import {
  clientTls,
  connectionPool,
  exportTo,
  labels,
  localityLoadBalancing,
  outlierDetection,
  typedWorkloadSelector,
  wholeMilliseconds,
  wrongDnsLabel,
  wrongDomain,
  wrongWildcardDomain,
} from "../../model/parts/index.ts";

const isPrime = (value: number): boolean => {
  if (value < 4) return value > 0;
  if (value % 2 === 0) return false;
  for (let factor = 3; factor * factor <= value; factor += 2) if (value % factor === 0) return false;
  return true;
};

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110's `token`; Envoy refuses other names of headers and with them the whole cluster. */
function wrongHeaderName(value: string): string | undefined {
  return TOKEN.test(value.replace(/^:/, "")) ? undefined : `${JSON.stringify(value)} is no name of a header`;
}

/** RFC 6265: the same, for cookies. */
function wrongCookieName(value: string): string | undefined {
  return TOKEN.test(value) ? undefined : `${JSON.stringify(value)} is no name of a cookie`;
}

/** What would end a header line, or the attribute of a cookie. */
function wrongAttribute(value: string): string | undefined {
  return /[\u0000-\u001f\u007f;]/.test(value) ? "must have no control characters and no semicolon" : undefined;
}

const cookie = object({
  name: required(text({ check: wrongCookieName }), "Name of the cookie."),
  path: optional(text({ check: wrongAttribute }), "Its path, where it is made."),
  ttl: optional(duration(), "Its life, where it is made; 0s: as long as the client's session. Without it none is made."),
  attributes: defaulted(
    list(
      object({
        name: required(text({ check: wrongAttribute }), "Name."),
        value: defaulted(text({ empty: true, check: wrongAttribute }), "", "Value."),
      }),
    ),
    [],
    "Further attributes, where it is made, such as SameSite.",
  ),
});

const consistentHash = object(
  {
    httpHeaderName: optional(text({ check: wrongHeaderName }), "Hash by this header."),
    httpCookie: optional(cookie, "Hash by a cookie."),
    useSourceIp: optional(boolean, "Hash by the client's address; true."),
    httpQueryParameterName: optional(text(), "Hash by this query parameter."),
    ringHash: optional(
      object({ minimumRingSize: optional(integer({ least: 0, most: 8_388_608 }), "Entries of the ring at the least. Default: 1024.") }),
      "The ring of Ketama.",
    ),
    maglev: optional(
      object(
        { tableSize: defaulted(integer({ least: 1, most: 5_000_010 }), 65_537, "Entries of the table, a prime. Default: 65537.") },
        {
          check: ({ tableSize }, context) =>
            void (isPrime(tableSize) || context.at("tableSize").wrong(`${tableSize} is no prime; 65537 is one`)),
        },
      ),
      "Maglev's table.",
    ),
    minimumRingSize: optional(integer({ most: 8_388_608 }), "The same as `ringHash.minimumRingSize`, the older name."),
  },
  {
    one: [["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"]],
    exclusive: [["ringHash", "maglev", "minimumRingSize"]],
    check: ({ useSourceIp }, context) =>
      void (useSourceIp !== false || context.at("useSourceIp").wrong("false says nothing; name what to hash by")),
  },
);

const warmup = object(
  {
    duration: required(wholeMilliseconds, "Time until a new endpoint gets its full share."),
    minimumPercent: defaulted(decimal({ least: 0, most: 100 }), 10, "Share with which it begins."),
    aggression: defaulted(decimal({ least: 0 }), 1, "How fast the share grows: 1 evenly, more: faster at first."),
  },
  { check: ({ aggression }, context) => void (aggression > 0 || context.at("aggression").wrong("must be greater than 0")) },
);

const loadBalancer = object(
  {
    simple: optional(
      choice("UNSPECIFIED", "LEAST_REQUEST", "LEAST_CONN", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH"),
      "How an endpoint is chosen. LEAST_CONN is the older name of LEAST_REQUEST, the default; PASSTHROUGH goes where the client wanted to go.",
    ),
    consistentHash: optional(consistentHash, "The same endpoint for the same client, as far as endpoints stay the same."),
    localityLbSetting: optional(localityLoadBalancing, "By where endpoints are. Default: the mesh's."),
    zoneAwareLbSetting: refused(
      "Envoy's zone aware routing needs a cluster of the proxies of the same service, which this mesh does not make; localityLbSetting has failover and distribution",
    ),
    warmup: optional(warmup, "A new endpoint's share grows. Of ROUND_ROBIN and LEAST_REQUEST."),
    warmupDurationSecs: optional(wholeMilliseconds, "The same as `warmup.duration`, the older name."),
  },
  {
    exclusive: [
      ["simple", "consistentHash"],
      ["warmup", "warmupDurationSecs"],
    ],
  },
);

const policyFields = {
  loadBalancer: optional(loadBalancer, "How an endpoint is chosen."),
  connectionPool: optional(connectionPool, "How many connections and requests, and how long."),
  outlierDetection: optional(outlierDetection, "When an endpoint is taken out."),
  tls: optional(clientTls, "TLS to the endpoints."),
};

const portPolicy = object(
  { port: required(object({ number: required(portNumber, "Number of the service's port.") }), "The port."), ...policyFields },
  {
    check(policy, context) {
      const { port: _port, ...settings } = policy;
      if (Object.values(settings).every((value) => value === undefined)) context.wrong("needs at least one setting beside the port");
    },
  },
);

const trafficPolicy = object(
  {
    ...policyFields,
    portLevelSettings: optional(
      list(portPolicy),
      "Settings of single ports. They replace the others as a whole: what they leave out is the default.",
    ),
    tunnel: optional(
      object({
        protocol: defaulted(choice("CONNECT", "POST"), "CONNECT", "Method of the request that makes the tunnel."),
        targetHost: required(text({ check: wrongTunnelHost }), "Where the tunnel leads: a name or an IP address."),
        targetPort: required(portNumber, "Where the tunnel leads."),
      }),
      "TCP goes through an HTTP tunnel.",
    ),
    proxyProtocol: optional(
      object({ version: defaulted(choice("V1", "V2"), "V1", "Version of the PROXY protocol.") }),
      "The endpoint is told who the client is.",
    ),
    retryBudget: optional(
      object({
        percent: defaulted(decimal({ least: 0, most: 100 }), 20, "Share of the requests under way that may be retries."),
        minRetryConcurrency: defaulted(integer(), 3, "Retries that may always be under way."),
        budgetInterval: optional(
          wholeMilliseconds,
          "Time over which requests are counted; of Envoy 1.39 and later. Default: those under way.",
        ),
      }),
      "Limits retries by the share of requests, in the place of `maxRetries`.",
    ),
  },
  {
    exclusive: [["tunnel", "proxyProtocol"]],
    check(policy, context) {
      if (Object.values(policy).every((value) => value === undefined)) context.wrong("needs at least one setting");
    },
  },
);

function wrongTunnelHost(value: string): string | undefined {
  return isIP(value) !== 0 ? undefined : wrongDomain(value);
}

export type PolicySpec = NonNullable<ReturnType<(typeof trafficPolicy)["read"]>>;
export type PortPolicySpec = NonNullable<ReturnType<(typeof portPolicy)["read"]>>;

/** `istio.networking.v1alpha3.DestinationRule`. */
export const fields = object({
  host: required(
    text({ check: wrongWildcardDomain }),
    "The service's host: in full, by a wildcard, or a short name in the rule's namespace.",
  ),
  trafficPolicy: optional(trafficPolicy, "What holds for all of the host."),
  subsets: defaulted(
    list(
      object({
        name: required(text({ check: wrongDnsLabel }), "Name, by which routes choose it."),
        labels: defaulted(labels, {}, "Labels of its endpoints."),
        trafficPolicy: optional(trafficPolicy, "What holds for it, before what holds for the host."),
      }),
    ),
    [],
    "Parts of the endpoints.",
  ),
  exportTo: optional(exportTo, "Namespaces for whose clients it holds. Default: the mesh's `defaultDestinationRuleExportTo`, all."),
  workloadSelector: optional(typedWorkloadSelector, "Labels of the clients for which it holds, in its own namespace. Default: all."),
});

export type DestinationRuleSpec = NonNullable<ReturnType<typeof fields.read>>;
