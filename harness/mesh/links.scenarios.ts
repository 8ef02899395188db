import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { envoyTarget } from "../envoy/index.ts";
import { requireTarget } from "../scenario/require-target.ts";
import { until } from "../until.ts";
import { containersUnavailable, type Mesh, startMesh } from "./index.ts";

const REVIEWS = "http://reviews:9080/";
const EDGE = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: shop }
spec: { selector: { app: ingress }, servers: [{ port: { number: 9080, name: http, protocol: HTTP }, hosts: [shop.example] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec: { hosts: [shop.example], gateways: [shop], http: [{ route: [{ destination: { host: reviews } }] }] }
`;
const rule = (http: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec: { hosts: [reviews], http: [${http}] }
`;
/** So that a fault is an answer of its own. */
const UNTRIED = rule("{ route: [{ destination: { host: reviews } }], retries: { attempts: 0 } }");
const TEAPOT = rule("{ directResponse: { status: 418 } }");
/** An hour: what has it comes when the link is healed, or never. */
const HOUR = { delay: 3_600_000 };

const RUNTIMES = [
  { runtime: "process", target: envoyTarget },
  { runtime: "container", target: { name: "container", unavailable: containersUnavailable } },
] as const;

describe.each(RUNTIMES)("links of a mesh, runtime $runtime", ({ runtime, target }) => {
  let mesh: Mesh;
  beforeAll(async () => {
    if ((await target.unavailable()) !== undefined) return;
    mesh = await startMesh({
      runtime,
      services: { web: { port: 8080 }, reviews: { port: 9080 } },
      // At the port of a service.
      gateways: { ingress: { ports: [9080] } },
      config: { "edge.yaml": EDGE, "rules.yaml": UNTRIED },
      links: true,
    });
  }, 180_000);
  beforeEach(async (context) => requireTarget(target, context));
  afterAll(async () => mesh?.[Symbol.asyncDispose]());

  const ask = () => mesh.workload("web").get(REVIEWS);
  const askFromOutside = () => mesh.gateway("ingress").get("http://shop.example:9080/");
  const link = () => mesh.link("web-1", "reviews-1");

  test("carry what comes, count it, and callers stay who they are", async () => {
    const before = link().counts;
    expect((await ask()).body).toBe("reviews-1");
    expect((await askFromOutside()).body).toBe("reviews-1");
    const { connections, open, reset, failed, retransmitted, sent, received } = link().counts;
    expect({ reset, failed, retransmitted }).toEqual({ reset: 0, failed: 0, retransmitted: 0 });
    expect([connections, open]).toEqual([1, 1]);
    expect([sent > before.sent, received > before.received]).toEqual([true, true]);
    expect(mesh.link("ingress", "reviews-1").counts).toMatchObject({ connections: 1 });
    expect(mesh.link("reviews-1", "web-1").counts).toMatchObject({ connections: 0, sent: 0 });
    const [callers, own] = [mesh.workload("reviews").requests, mesh.workload("web").address.host];
    expect(callers.at(-2)?.headers).toContainEqual(["x-forwarded-client-cert", expect.stringContaining("sa/web")]);
    // Policies go by the address, too.
    await mesh.apply({ "policy.yaml": only(own) });
    expect([(await ask()).status, (await askFromOutside()).status]).toEqual([200, 403]);
    await mesh.apply({ "policy.yaml": undefined });
  });

  test("are slow for one caller alone, and what waited goes on when they are healed", async () => {
    expect((await ask()).status).toBe(200);
    await link().set(HOUR);
    expect(link().faults).toEqual(HOUR);
    const answers: string[] = [];
    const late = ask().then(({ status }) => answers.push(`slow ${status}`));
    answers.push(`fast ${(await askFromOutside()).status}`);
    await link().heal();
    await late;
    expect(answers).toEqual(["fast 200", "slow 200"]);
  });

  test("have a bandwidth", async () => {
    mesh.workload("reviews").answer(() => ({ body: "x".repeat(200_000) }));
    const before = link().counts.received;
    await link().set({ bytesPerSecond: 1_000 });
    const late = ask();
    await until(
      "something of it has come",
      () => link().counts.received,
      (received) => received > before,
    );
    expect((await askFromOutside()).body).toHaveLength(200_000);
    // It would take 200 s.
    expect(link().counts.received - before).toBeLessThan(200_000);
    await link().heal();
    expect((await late).body).toHaveLength(200_000);
    mesh.workload("reviews").answer(() => ({ body: "reviews-1" }));
  });

  test("lose chunks, which come late, and reset connections", async () => {
    await link().set({ loss: 0.2 });
    await until("some are lost", ask, ({ status }) => status === 200 && link().counts.retransmitted > 0);
    const { reset } = link().counts;
    await link().set({ resets: 1 });
    expect([(await ask()).status, link().counts.reset > reset]).toEqual([503, true]);
    await link().heal();
    expect((await ask()).status).toBe(200);
  });

  test("close connections in the middle of an answer", async () => {
    mesh.workload("reviews").answer(() => ({ body: "x".repeat(200_000) }));
    await link().set({ cut: "reset" });
    await link().set({ closeAfter: 50_000 });
    await expect(ask()).rejects.toThrow();
    await link().heal();
    await until("it is whole again", ask, ({ status }) => status === 200);
    mesh.workload("reviews").answer(() => ({ body: "reviews-1" }));
  });

  test("are cut", async () => {
    expect((await ask()).status).toBe(200);
    await link().set({ cut: "hang" });
    await expect(mesh.workload("web").request(REVIEWS, { timeout: 300 })).rejects.toThrow("no answer within 300 ms");
    expect((await askFromOutside()).body).toBe("reviews-1");
    for (const cut of ["reset", "refuse"] as const) {
      await link().set({ cut });
      expect([cut, (await ask()).status, link().counts.open]).toEqual([cut, 503, 0]);
    }
    await link().heal();
    expect((await ask()).status).toBe(200);
  });

  test("lie before the control service, too", async () => {
    const toControl = mesh.link("web-1", "control");
    const { reset } = toControl.counts;
    await toControl.set({ cut: "reset" });
    expect(toControl.counts.reset).toBeGreaterThan(reset);
    await mesh.apply({ "rules.yaml": TEAPOT }, { without: ["web-1"] });
    expect((await ask()).body).toBe("reviews-1");
    await expect(mesh.settled({ timeout: 50 })).rejects.toThrow("web-1.default~default.svc.cluster.local");
    await toControl.heal();
    await mesh.settled();
    expect((await ask()).status).toBe(418);
    await mesh.apply({ "rules.yaml": UNTRIED });
  });

  test("say what is none", async () => {
    expect(() => mesh.link("web", "reviews-1")).toThrow("no link from web; it may be one of web-1, reviews-1, ingress");
    expect(() => mesh.link("web-1", "web-1")).toThrow("no link from web-1 to web-1; it may be one of control, reviews-1");
    await expect(link().set({ loss: 20 })).rejects.toThrow("loss: 20 is no share; expected 0 to 1");
    expect(link().faults).toEqual({});
  });
});

function only(address: string): string {
  return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: reviews }
spec: { selector: { matchLabels: { app: reviews } }, rules: [{ from: [{ source: { ipBlocks: ["${address}"] } }] }] }
`;
}
