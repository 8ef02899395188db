import { create, fromBinary, fromJson, type Message, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { formatPath } from "../../model/index.ts";
import { ClusterSchema } from "../generated/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "../generated/envoy/config/listener/v3/listener_pb.ts";
import { RouterSchema } from "../generated/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { pack } from "../index.ts";
import { checkMessage, copyOf, mergedAny, mergeInto, messageOf, readMessage } from "./index.ts";
import { allOfEnvoy } from "./registry.ts";

const CLUSTER = "envoy.config.cluster.v3.Cluster";
const FILTER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter";
const ROUTE = "envoy.config.route.v3.Route";

const told = (type: string, value: unknown, whole = false): readonly string[] =>
  checkMessage(type, value, whole).map(({ path, message }) => `${formatPath(path)}: ${message}`);

describe("what is wrong with a value", () => {
  test.each<[string, string, unknown, string[]]>([
    ["nothing", CLUSTER, { name: "a", connect_timeout: "5s", lb_policy: "RANDOM", type: "STRICT_DNS" }, []],
    ["nothing, in camel case", CLUSTER, { connectTimeout: "5s", circuitBreakers: { thresholds: [{ maxRequests: 1 }] } }, []],
    [
      "an unknown field",
      CLUSTER,
      { conect_timeout: "5s" },
      [`conect_timeout: ${CLUSTER} has no field "conect_timeout"; did you mean connect_timeout?`],
    ],
    [
      "an unknown field deep inside",
      CLUSTER,
      { circuit_breakers: { thresholds: [{ max: 1 }] } },
      [
        'circuit_breakers.thresholds[0].max: envoy.config.cluster.v3.CircuitBreakers.Thresholds has no field "max"; did you mean max_connections?',
      ],
    ],
    [
      "a number that is a text",
      CLUSTER,
      { connect_timeout: 5 },
      ["connect_timeout: expected a duration in seconds, such as 0.5s, found 5"],
    ],
    [
      "no value of an enum",
      CLUSTER,
      { lb_policy: "BEST" },
      [
        'lb_policy: expected one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM, MAGLEV, CLUSTER_PROVIDED, LOAD_BALANCING_POLICY_CONFIG, found "BEST"',
      ],
    ],
    [
      "two of a oneof",
      CLUSTER,
      { type: "EDS", cluster_type: { name: "x" } },
      ['cluster_type: "cluster_type" and "type" exclude each other; keep one'],
    ],
    ["a list where a message belongs", CLUSTER, { load_assignment: [] }, ["load_assignment: expected a mapping, found a list"]],
    [
      "no type",
      FILTER,
      { typed_config: {} },
      ['typed_config: "@type" is missing: which message it is, such as type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua'],
    ],
    [
      "an unknown type",
      FILTER,
      { typed_config: { "@type": "type.googleapis.com/envoy.filters.http.router.v3.Router" } },
      [
        'typed_config["@type"]: there is no message "envoy.filters.http.router.v3.Router" in the API of Envoy 1.40; did you mean envoy.extensions.filters.http.router.v3.Router?',
      ],
    ],
    [
      "a type of another age",
      FILTER,
      { typed_config: { "@type": "type.googleapis.com/envoy.config.filter.http.lua.v2.Lua" } },
      [
        'typed_config["@type"]: envoy.config.filter.http.lua.v2.Lua is of version 2 of Envoy\'s API, which no Envoy takes any more; write version 3',
      ],
    ],
    [
      "a field within a TypedStruct",
      FILTER,
      {
        typed_config: {
          "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
          type_url: "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
          value: { inlin_code: "" },
        },
      },
      ['typed_config.value.inlin_code: envoy.extensions.filters.http.lua.v3.Lua has no field "inlin_code"; did you mean inline_code?'],
    ],
  ])("%s", (_, type, value, expected) => {
    expect(told(type, value)).toEqual(expected);
  });

  test.each<[string, string, unknown, string[]]>([
    ["a name that is missing", FILTER, { name: "" }, ["name: must not be empty"]],
    [
      "a oneof of which none is there",
      ROUTE,
      { match: {}, route: { cluster: "a" } },
      ["match: needs one of prefix, path, safe_regex, connect_matcher, path_separated_prefix, path_match_policy"],
    ],
    ["a message that is missing", ROUTE, { route: { cluster: "a" } }, ["match: is missing"]],
    [
      "a number out of its range",
      CLUSTER,
      { name: "a", load_assignment: { cluster_name: "a", policy: { drop_overloads: [{ category: "" }] } } },
      ["load_assignment.policy.drop_overloads[0].category: must not be empty"],
    ],
    ["a duration out of its range", CLUSTER, { name: "a", connect_timeout: "0s" }, ["connect_timeout: is 0s; it must be more than 0s"]],
    [
      "a constraint in a packed message",
      FILTER,
      { name: "a", typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit" } },
      ["typedConfig.stat_prefix: must not be empty"],
    ],
    ["nothing", ROUTE, { match: { prefix: "/" }, redirect: { host_redirect: "a.test" } }, []],
  ])("as a whole: %s", (_, type, value, expected) => {
    expect(told(type, value, true)).toEqual(expected);
  });

  test("what is merged need not be whole", () => {
    expect(told(ROUTE, { route: { cluster: "a" } })).toEqual([]);
  });
});

describe("merging", () => {
  const merged = (into: unknown, from: unknown): unknown => {
    const message = fromJson(ClusterSchema, into as never, { registry: allOfEnvoy() });
    mergeInto(messageOf(CLUSTER), message, readMessage(CLUSTER, from));
    return toJson(ClusterSchema, message, { registry: allOfEnvoy() });
  };
  const socket = (name: string, more: object) => ({
    transportSocket: {
      name,
      typedConfig: { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", ...more },
    },
  });

  test.each<[string, unknown, unknown, unknown]>([
    ["replaces single values", { name: "a", lbPolicy: "RANDOM" }, { lb_policy: "MAGLEV" }, { name: "a", lbPolicy: "MAGLEV" }],
    [
      "merges messages",
      { commonLbConfig: { healthyPanicThreshold: { value: 5 } } },
      { commonLbConfig: { ignoreNewHostsUntilFirstHc: true } },
      { commonLbConfig: { healthyPanicThreshold: { value: 5 }, ignoreNewHostsUntilFirstHc: true } },
    ],
    ["appends to lists", { filters: [{ name: "a" }] }, { filters: [{ name: "b" }] }, { filters: [{ name: "a" }, { name: "b" }] }],
    ["replaces durations as a whole", { connectTimeout: "1.5s" }, { connectTimeout: "2s" }, { connectTimeout: "2s" }],
    [
      "sets false and 0",
      { perConnectionBufferLimitBytes: 5, circuitBreakers: {} },
      { perConnectionBufferLimitBytes: 0 },
      { perConnectionBufferLimitBytes: 0, circuitBreakers: {} },
    ],
    ["takes the member of a oneof", { type: "EDS" }, { clusterType: { name: "x" } }, { clusterType: { name: "x" } }],
    [
      "merges what is packed",
      socket("tls", { sni: "a" }),
      socket("tls", { autoHostSni: true }),
      socket("tls", { sni: "a", autoHostSni: true }),
    ],
    [
      "replaces entries of maps",
      { metadata: { filterMetadata: { a: { x: 1 }, b: {} } } },
      { metadata: { filterMetadata: { a: { y: 2 } } } },
      { metadata: { filterMetadata: { a: { y: 2 }, b: {} } } },
    ],
  ])("%s", (_, into, from, expected) => {
    expect(merged(into, from)).toEqual(expected);
  });

  test("leaves what it merges as it was, and does not share it", () => {
    const patch = readMessage(CLUSTER, { filters: [{ name: "b" }] });
    const first = create(ClusterSchema, {});
    mergeInto(messageOf(CLUSTER), first, patch);
    mergeInto(messageOf(CLUSTER), first, patch);
    expect(first.filters.map(({ name }) => name)).toEqual(["b", "b"]);
    expect(first.filters[0]).not.toBe(first.filters[1]);
    expect((patch as Message & { filters: unknown[] }).filters).toHaveLength(1);
  });

  test("takes a TypedStruct for what it names, and nothing of another type", () => {
    const into = pack(RouterSchema, { suppressEnvoyHeaders: true });
    const struct = (type: string) =>
      readMessage("google.protobuf.Any", {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        type_url: `type.googleapis.com/${type}`,
        value: { start_child_span: true },
      }) as never;
    const result = mergedAny(into, struct(RouterSchema.typeName));
    expect(fromBinary(RouterSchema, result?.value ?? new Uint8Array())).toMatchObject({ suppressEnvoyHeaders: true, startChildSpan: true });
    expect(mergedAny(into, struct(ListenerSchema.typeName))).toBeUndefined();
  });

  test("copies share nothing", () => {
    const cluster = create(ClusterSchema, { name: "a", filters: [{ name: "b" }] });
    const copy = copyOf(messageOf(CLUSTER), cluster);
    copy.filters.pop();
    expect(cluster.filters).toHaveLength(1);
  });
});
