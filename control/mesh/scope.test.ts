import { describe, expect, test } from "vitest";
import type { MeshObject } from "../model/index.ts";
import { Reads } from "./cell.ts";
import { contributed, httpRoute, routing, service, sidecar } from "./testing/contributions.ts";
import { meshOf, viewOf } from "./testing/view.ts";

const REVIEWS = "reviews.default.svc.cluster.local";
const FAR = "far.other.svc.cluster.local";
const RATINGS = "ratings.default.svc.cluster.local";

describe("a Sidecar", () => {
  test("names by its egress what its clients know, and the destinations of its routes with it", () => {
    const mesh = meshOf(
      contributed("reviews", (object) => ({ services: [service(object, REVIEWS)] })),
      contributed("ratings", (object) => ({ services: [service(object, RATINGS)] })),
      contributed("details", (object) => ({ services: [service(object, "details.other.svc.cluster.local")] }), { namespace: "other" }),
      contributed("scope", (object) => ({ sidecars: [sidecar(object, [[".", REVIEWS]])] })),
    );
    expect(viewOf(mesh).hosts()).toEqual([REVIEWS]);
    expect(viewOf(mesh, { namespace: "other" }).hosts()).toHaveLength(3);
    const routed = mesh.apply({
      upserted: [contributed("route", (object) => ({ routings: [routing(object, [REVIEWS], [httpRoute(object, RATINGS)])] }))],
      removed: [],
    }).mesh;
    expect(viewOf(routed).hosts()).toEqual([RATINGS, REVIEWS]);
  });

  test("that selects the workload hides the namespace's, which hides the root namespace's", () => {
    const scope = (name: string, namespace: string, labels?: Record<string, string>) =>
      contributed(name, (object) => ({ sidecars: [sidecar(object, [["*", "*"]], { workloadSelector: labels })] }), { namespace });
    const mesh = meshOf(scope("root", "istio-system"), scope("all", "default"), scope("one", "default", { app: "one" }));
    expect(viewOf(mesh, { labels: { app: "one" } }).sidecar()?.name).toBe("one");
    expect(viewOf(mesh).sidecar()?.name).toBe("all");
    expect(viewOf(mesh, { namespace: "other" }).sidecar()?.name).toBe("root");
  });

  test("brings the destinations of delegates with the routes that name them", () => {
    const root = contributed("root", (self) => ({
      routings: [routing(self, [REVIEWS], [httpRoute(self, "", { delegate: { namespace: "other", name: "delegate" } })])],
    }));
    const to = (host: string) =>
      contributed("delegate", (self) => ({ routings: [routing(self, [], [httpRoute(self, host)])] }), { namespace: "other" });
    const mesh = meshOf(
      contributed("reviews", (object) => ({ services: [service(object, REVIEWS)] })),
      contributed("far", (object) => ({ services: [service(object, FAR)] }), { namespace: "other" }),
      contributed("scope", (object) => ({ sidecars: [sidecar(object, [[".", "*"]])] })),
      root,
      to("elsewhere"),
    );
    expect(viewOf(mesh).hosts()).toEqual([REVIEWS]);
    const { mesh: changed, touched } = mesh.apply({ upserted: [to(FAR)], removed: [] });
    expect(touched).toContain("routed hosts");
    expect(viewOf(changed).hosts()).toEqual([FAR, REVIEWS]);
  });

  test("brings the hosts that requests are mirrored to", () => {
    const route = (more: Parameters<typeof httpRoute>[2]) =>
      contributed("route", (self) => ({ routings: [routing(self, [REVIEWS], [httpRoute(self, REVIEWS, more)])] }));
    const mesh = meshOf(
      contributed("reviews", (object) => ({ services: [service(object, REVIEWS)] })),
      contributed("far", (object) => ({ services: [service(object, FAR)] }), { namespace: "other" }),
      contributed("scope", (object) => ({ sidecars: [sidecar(object, [[".", "*"]])] })),
      route({}),
    );
    const mirrors = [{ destination: { host: FAR, subset: undefined, port: undefined }, percentage: 100 }];
    const { mesh: changed, touched } = mesh.apply({ upserted: [route({ mirrors })], removed: [] });
    expect(touched).toContain("routed hosts");
    expect(viewOf(changed).hosts()).toEqual([FAR, REVIEWS]);
  });

  describe("that imports one namespace", () => {
    const scope = contributed("scope", (object) => ({ sidecars: [sidecar(object, [["shop", "*"]])] }));

    test("keeps the routes away that another has for the same host", () => {
      const route = (name: string, namespace: string, created: number) =>
        contributed(name, (self) => ({ routings: [routing(self, [REVIEWS], [httpRoute(self, name)])] }), { namespace, created });
      const target = (...objects: readonly MeshObject[]) =>
        viewOf(meshOf(...objects)).routing(REVIEWS)?.http[0]?.route[0]?.destination.host;
      const old = route("old", "other", 1);
      const young = route("young", "shop", 2);
      expect(target(old, young)).toBe("old");
      expect(target(old, young, scope)).toBe("young");
      expect(target(old, scope)).toBeUndefined();
    });

    test("takes the service of that one, where several have the host", () => {
      const entry = (namespace: string, created: number) =>
        contributed("entry", (object) => ({ services: [service(object, "db.example.com")] }), { namespace, created });
      const mesh = meshOf(entry("other", 1), entry("shop", 2));
      expect(viewOf(mesh).service("db.example.com")?.namespace).toBe("other");
      const reads = new Reads();
      const scoped = mesh.apply({ upserted: [scope], removed: [] });
      expect(viewOf(scoped.mesh, { reads }).service("db.example.com")?.namespace).toBe("shop");
      expect([...scoped.touched].some((cell) => reads.cells.has(cell))).toBe(true);
    });
  });
});
