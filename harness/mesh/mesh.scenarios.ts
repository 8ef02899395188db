import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { envoyTarget } from "../envoy/index.ts";
import { requireTarget } from "../scenario/require-target.ts";
import { type Mesh, startMesh } from "./index.ts";

const reviews = (rule: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec: { hosts: [reviews], http: [${rule}] }
`;
const TO_V1 = reviews("{ route: [{ destination: { host: reviews, subset: v1 } }] }");
const CONFIG = {
  "subsets.yaml": `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
`,
  "edge.yaml": `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: shop }
spec: { selector: { app: ingress }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [shop.example] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec: { hosts: [shop.example], gateways: [shop], http: [{ route: [{ destination: { host: web } }] }] }
`,
  "rules.yaml": TO_V1,
};

describe("a mesh", () => {
  let mesh: Mesh;

  beforeAll(async () => {
    if ((await envoyTarget.unavailable()) !== undefined) return;
    mesh = await startMesh({
      services: { web: { port: 8080 }, reviews: { port: 9080, workloads: { v1: {}, v2: { script: () => ({ status: 201 }) } } } },
      gateways: { ingress: {} },
      config: CONFIG,
    });
  }, 120_000);
  beforeEach(async (context) => requireTarget(envoyTarget, context));
  afterAll(async () => mesh?.[Symbol.asyncDispose]());

  test("answers by the rules, as the workloads that prove who they are", async () => {
    const answer = await mesh.workload("web").get("http://reviews:9080/");
    expect([answer.status, answer.body]).toEqual([200, "reviews-v1"]);
    const identities = (await mesh.control.status()).map(({ identity }) => identity?.name);
    expect(identities.sort()).toEqual(
      ["ingress", "reviews", "reviews", "web"].map((name) => `spiffe://cluster.local/ns/default/sa/${name}`),
    );
    const { host, port } = mesh.workload("reviews-v1").address;
    await expect(fetch(`http://${host}:${port}/`)).rejects.toThrow();
  });

  test("lets requests in at its gateway", async () => {
    expect((await mesh.gateway("ingress").get("http://shop.example/path")).body).toBe("web-1");
    expect(mesh.workload("web").requests.at(-1)).toMatchObject({ authority: "shop.example", path: "/path" });
    await expect(mesh.gateway("ingress").get("http://shop.example:81/")).rejects.toThrow("has no port 81, only 80, 443");
    // Without routes it asks for none any more.
    await mesh.apply({ "edge.yaml": undefined });
    await mesh.apply({ "edge.yaml": CONFIG["edge.yaml"] });
    expect((await mesh.gateway("ingress").get("http://shop.example/")).body).toBe("web-1");
  });

  test("has what is applied when that is over, and says what is wrong with it", async () => {
    const web = mesh.workload("web");
    await mesh.apply({ "rules.yaml": reviews("{ directResponse: { status: 418 } }") });
    expect((await web.get("http://reviews:9080/")).status).toBe(418);
    await mesh.apply({ "rules.yaml": reviews("{ route: [{ destination: { host: reviews, subset: v2 } }] }") });
    expect((await web.get("http://reviews:9080/")).status).toBe(201);
    await expect(mesh.apply({ "rules.yaml": "kind: [" })).rejects.toThrow(/the mesh has errors:\n.*rules\.yaml:1:/);
    await mesh.apply({ "rules.yaml": TO_V1 });
  });

  test("goes on without its control service, which comes back on the same ports", async () => {
    const web = mesh.workload("web");
    const { admin, xds } = mesh.control;
    await mesh.control.kill();
    expect((await web.get("http://reviews:9080/")).body).toBe("reviews-v1");
    await expect(mesh.apply({})).rejects.toThrow("mesh.control.start() starts it");
    await mesh.edit({ "rules.yaml": reviews("{ directResponse: { status: 410 } }") });
    await mesh.control.start();
    await mesh.settled();
    expect((await web.get("http://reviews:9080/")).status).toBe(410);
    expect([mesh.control.admin, mesh.control.xds]).toEqual([admin, xds]);
    await mesh.apply({ "rules.yaml": TO_V1 });
  });

  test("has programs that end, hang and answer otherwise", async () => {
    const [web, v1] = [mesh.workload("web"), mesh.workload("reviews-v1")];
    await v1.kill();
    expect((await web.get("http://reviews:9080/")).status).toBe(503);
    await v1.start();
    await v1.pause();
    await expect(web.request("http://reviews:9080/", { timeout: 200 })).rejects.toThrow("no answer within 200 ms");
    v1.resume();
    v1.answer(() => ({ status: 202 }));
    await expect.poll(async () => (await web.get("http://reviews:9080/")).status, { timeout: 20_000 }).toBe(202);
    v1.answer(() => ({ body: "reviews-v1" }));
  });

  test("has sidecars that end, hang and come back", async () => {
    const [web, { sidecar }] = [mesh.workload("web"), mesh.workload("reviews-v1")];
    await sidecar.kill();
    expect((await web.get("http://reviews:9080/")).status).toBe(503);
    await sidecar.start();
    await mesh.settled();
    expect((await web.get("http://reviews:9080/")).status).toBe(200);
    await sidecar.pause();
    await expect(web.request("http://reviews:9080/", { timeout: 200 })).rejects.toThrow("no answer within 200 ms");
    sidecar.resume();
    await expect.poll(async () => (await web.get("http://reviews:9080/")).status, { timeout: 20_000 }).toBe(200);
    const { pid } = sidecar;
    sidecar.killEnvoy();
    await expect.poll(() => sidecar.pid !== 0 && sidecar.pid !== pid, { timeout: 20_000 }).toBe(true);
    await expect.poll(async () => (await web.get("http://reviews:9080/")).status, { timeout: 20_000 }).toBe(200);
    await mesh.settled();
    await web.sidecar.restart({ drain: false });
    expect((await web.get("http://reviews:9080/")).body).toBe("reviews-v1");
  });

  test("says what it does not have", async () => {
    await expect(mesh.workload("web").disconnect()).rejects.toThrow("processes share the network of this machine");
    expect(() => mesh.workload("reviews")).toThrow("the mesh has no workload reviews; it has web-1, reviews-v1, reviews-v2");
    expect(() => mesh.gateway("egress")).toThrow("the mesh has no gateway egress; it has ingress");
    expect(() => mesh.link("web-1", "reviews-v1")).toThrow("without links; declare it with links: true");
  });
});
