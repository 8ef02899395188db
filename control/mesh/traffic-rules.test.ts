import { describe, expect, test } from "vitest";
import type { Client } from "../model/index.ts";
import type { Mesh } from "./mesh.ts";
import { contributed, NO_POLICY, service, trafficRules } from "./testing/contributions.ts";
import { meshOf, viewOf } from "./testing/view.ts";

const REVIEWS = "reviews.default.svc.cluster.local";

describe("traffic rules", () => {
  const rules = (name: string, namespace: string, host: string, subsets: readonly string[], more = {}, created = 1) =>
    contributed(name, (object) => ({ trafficRules: [trafficRules(object, host, subsets, more)] }), { namespace, created });
  const subsetsFor = (mesh: Mesh, client: Partial<Client> = {}) =>
    viewOf(mesh, client)
      .trafficRules(REVIEWS)
      ?.subsets.map(({ name }) => name);
  const reviews = contributed("reviews", (object) => ({ services: [service(object, REVIEWS)] }));

  test("the client's namespace hides the service's, which hides the root's", () => {
    const mesh = meshOf(
      reviews,
      rules("c", "client", REVIEWS, ["c"]),
      rules("s", "default", REVIEWS, ["s"]),
      rules("r", "istio-system", REVIEWS, ["r"]),
    );
    expect(subsetsFor(mesh, { namespace: "client" })).toEqual(["c"]);
    expect(subsetsFor(mesh, { namespace: "other" })).toEqual(["s"]);
    const rootOnly = meshOf(reviews, rules("r", "istio-system", "*.local", ["r"]));
    expect(subsetsFor(rootOnly)).toEqual(["r"]);
  });

  describe("of a client in the root namespace", () => {
    const gateway = { namespace: "istio-system" };

    test("those of the service's namespace hide what the root namespace says to all", () => {
      const mesh = meshOf(reviews, rules("all", "istio-system", "*.local", ["root"]), rules("s", "default", REVIEWS, ["s"]));
      expect(subsetsFor(mesh, gateway)).toEqual(["s"]);
    });

    test("what the root namespace says to itself alone goes first", () => {
      const mesh = meshOf(
        reviews,
        rules("own", "istio-system", "*.local", ["own"], { exportTo: ["."] }),
        rules("s", "default", REVIEWS, ["s"]),
      );
      expect(subsetsFor(mesh, gateway)).toEqual(["own"]);
      expect(subsetsFor(mesh, { namespace: "other" })).toEqual(["s"]);
    });

    test("where the service's namespace says nothing, the root's holds", () => {
      expect(subsetsFor(meshOf(reviews, rules("all", "istio-system", "*.local", ["root"])), gateway)).toEqual(["root"]);
    });
  });

  test("an exact host hides a wildcard, and inherits nothing", () => {
    const policy = {
      ...NO_POLICY,
      loadBalancer: { simple: "RANDOM" as const, consistentHash: undefined, locality: undefined, warmup: undefined },
    };
    const mesh = meshOf(
      reviews,
      rules("wide", "default", "*.default.svc.cluster.local", ["wide"], { policy }),
      rules("exact", "default", REVIEWS, ["exact"]),
    );
    expect(subsetsFor(mesh)).toEqual(["exact"]);
    expect(viewOf(mesh).trafficRules(REVIEWS)?.policy.loadBalancer).toBeUndefined();
  });

  test("of one namespace merge: subsets of all, the policy of the oldest that has one", () => {
    const policy = { ...NO_POLICY, proxyProtocol: "V2" as const };
    const mesh = meshOf(
      reviews,
      rules("b", "default", REVIEWS, ["v1", "v2"], { policy }, 2),
      rules("a", "default", REVIEWS, ["v1", "v3"], {}, 1),
    );
    expect(subsetsFor(mesh)).toEqual(["v1", "v3", "v2"]);
    expect(viewOf(mesh).trafficRules(REVIEWS)?.policy.proxyProtocol).toBe("V2");
    expect(viewOf(mesh).trafficRules(REVIEWS)).toBe(viewOf(mesh).trafficRules(REVIEWS));
  });

  test("a workload selector picks clients of its namespace", () => {
    const mesh = meshOf(
      reviews,
      rules("all", "default", REVIEWS, ["all"]),
      rules("one", "default", REVIEWS, ["one"], { workloadSelector: { app: "one" } }),
    );
    expect(subsetsFor(mesh, { labels: { app: "one" } })).toEqual(["one"]);
    expect(subsetsFor(mesh)).toEqual(["all"]);
    // Before its own workload it is no client.
    const view = viewOf(mesh, { labels: { app: "one" } });
    expect(view.trafficRules(REVIEWS, "inbound")?.subsets.map(({ name }) => name)).toEqual(["all"]);
  });
});
