import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outboundCluster } from "../cluster-name.ts";
import { Places } from "../testing/places.ts";
import { Traffic } from "../testing/traffic.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

/** A service of a pod with two ports, 80 and 81. */
const SERVICE = (name: string, namespace: string, { web, other }: Places) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: ${web} }, { name: http-2, port: 81, targetPort: ${other} }] }
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
status: { podIP: 127.6.0.1 }`;

/** A rule that a client can tell by the subset which it makes: a cluster that is there or not. */
const RULE = (name: string, host: string, more: { readonly namespace?: string; readonly spec?: string } = {}) => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: ${more.namespace ?? "default"} }
spec: { host: "${host}", subsets: [{ name: ${name}, labels: {} }] ${more.spec ?? ""} }`;

const meshOf = (places: Places) => `
${["short", "full", "wild-1", "own", "private", "exported", "chosen", "merged", "of-root", "policies"].map((name) => SERVICE(name, "default", places)).join("")}
${["their", "theirs-hidden"].map((name) => SERVICE(name, "elsewhere", places)).join("")}
${RULE("by-short", "short")}
${RULE("by-full", "full.default.svc.cluster.local")}
${RULE("by-wildcard", "*.default.svc.cluster.local")}
${RULE("own", "own")}
${RULE("private", "private.default.svc.cluster.local", { namespace: "elsewhere", spec: ', exportTo: ["."]' })}
${RULE("exported", "their.elsewhere.svc.cluster.local", { namespace: "elsewhere", spec: ", exportTo: [default]" })}
${RULE("not-exported", "theirs-hidden", { namespace: "elsewhere", spec: ', exportTo: ["."]' })}
${RULE("for-v1", "chosen", { spec: ", workloadSelector: { matchLabels: { version: v1 } }" })}
${RULE("for-v2", "chosen", { spec: ", workloadSelector: { matchLabels: { version: v2 } }" })}
${RULE("merged-1", "merged")}
${RULE("merged-2", "merged.default.svc.cluster.local")}
${RULE("of-root", "*.svc.cluster.local", { namespace: "istio-system" })}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: policies }
spec:
  host: policies
  trafficPolicy:
    connectionPool: { tcp: { maxConnections: 11 }, http: { http2MaxRequests: 12 } }
    outlierDetection: { consecutive5xxErrors: 13 }
    loadBalancer: { simple: RANDOM }
    portLevelSettings:
      - { port: { number: 81 }, connectionPool: { http: { http2MaxRequests: 14 } } }
  subsets:
    - { name: inherits, labels: {} }
    - name: own
      labels: {}
      trafficPolicy:
        connectionPool: { http: { http2MaxRequests: 15 } }
        portLevelSettings: [{ port: { number: 81 }, connectionPool: { http: { http2MaxRequests: 16 } } }]
`;

interface Limits {
  readonly connections?: number;
  readonly requests?: number;
  readonly errors?: number;
  readonly balancing?: string;
}

const NO_LIMIT = 4_294_967_295;

describe("which DestinationRule holds for a host", () => {
  let places: Places;
  let traffic: Traffic;

  beforeAll(async () => {
    places = await Places.start();
    traffic = await Traffic.start(viewOfYaml(meshOf(places), { metadata: { LABELS: { version: "v1" } } }));
  });
  afterAll(async () => {
    await traffic?.[Symbol.asyncDispose]();
    await places?.[Symbol.asyncDispose]();
  });

  const subsetsOf = async (host: string, subsets: readonly string[]) => {
    const found = await Promise.all(
      subsets.map(async (subset) => ((await traffic.get(outboundCluster(host, 80, subset))).status === 200 ? [subset] : [])),
    );
    return found.flat();
  };

  test("Envoy takes all of it", () => {
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test.each([
    ["a short name is that of a service of the rule's namespace", "short.default", ["by-short"]],
    ["a full name", "full.default", ["by-full"]],
    ["a wildcard, where no rule names the host", "wild-1.default", ["by-wildcard"]],
    ["an exact host hides a wildcard", "own.default", ["own"]],
    ["exportTo . hides a rule of another namespace", "private.default", ["by-wildcard"]],
    ["a rule of the service's namespace that is exported to the client's", "their.elsewhere", ["exported"]],
    ["one that is not: the root namespace's", "theirs-hidden.elsewhere", ["of-root"]],
    ["workloadSelector: the rule for clients with these labels", "chosen.default", ["for-v1"]],
    ["rules of one host have the subsets of all", "merged.default", ["merged-1", "merged-2"]],
    ["the client's namespace hides the root's", "of-root.default", ["by-wildcard"]],
  ])("%s", async (_, host, subsets) => {
    const all = [
      "by-short",
      "by-full",
      "by-wildcard",
      "own",
      "private",
      "exported",
      "not-exported",
      "for-v1",
      "for-v2",
      "merged-1",
      "merged-2",
      "of-root",
    ];
    expect(await subsetsOf(`${host}.svc.cluster.local`, all)).toEqual(subsets);
  });

  test("and for other clients another", async () => {
    await traffic.proxy.update({ view: viewOfYaml(meshOf(places), { metadata: { LABELS: { version: "v2" } } }) });
    expect(await subsetsOf("chosen.default.svc.cluster.local", ["for-v1", "for-v2", "by-wildcard"])).toEqual(["for-v2"]);
  });

  /** What Envoy says that it uses of a cluster. */
  async function limitsOf(port: number, subset?: string): Promise<Limits> {
    const dump = (await traffic.proxy.envoy.admin.configDump({ resource: "dynamic_active_clusters" })) as {
      readonly configs: readonly {
        readonly cluster: {
          readonly name: string;
          readonly lb_policy?: string;
          readonly outlier_detection?: { readonly consecutive_5xx?: number };
          readonly circuit_breakers?: {
            readonly thresholds: readonly { readonly max_connections: number; readonly max_requests: number }[];
          };
        };
      }[];
    };
    const found = dump.configs.find(({ cluster }) => cluster.name === outboundCluster("policies.default.svc.cluster.local", port, subset));
    if (found === undefined) return {};
    const { lb_policy: balancing = "ROUND_ROBIN", outlier_detection: outlier, circuit_breakers: breakers } = found.cluster;
    const [limits] = breakers?.thresholds ?? [];
    return {
      balancing,
      ...(outlier?.consecutive_5xx === undefined ? {} : { errors: outlier.consecutive_5xx }),
      ...(limits === undefined ? {} : { connections: limits.max_connections, requests: limits.max_requests }),
    };
  }

  test.each<[string, number, string | undefined, Limits]>([
    ["trafficPolicy holds for all ports", 80, undefined, { connections: 11, requests: 12, errors: 13, balancing: "RANDOM" }],
    [
      "portLevelSettings replace it, and what they leave out is the default",
      81,
      undefined,
      { connections: NO_LIMIT, requests: 14, balancing: "LEAST_REQUEST" },
    ],
    ["a subset without a policy has the host's", 80, "inherits", { connections: 11, requests: 12, errors: 13, balancing: "RANDOM" }],
    ["also that of the port", 81, "inherits", { connections: NO_LIMIT, requests: 14, balancing: "LEAST_REQUEST" }],
    [
      "a subset's goes before the host's, part by part",
      80,
      "own",
      { connections: NO_LIMIT, requests: 15, errors: 13, balancing: "RANDOM" },
    ],
    ["and its port's before all", 81, "own", { connections: NO_LIMIT, requests: 16, balancing: "LEAST_REQUEST" }],
  ])("%s", async (_, port, subset, limits) => {
    expect(await limitsOf(port, subset)).toEqual(limits);
  });
});
