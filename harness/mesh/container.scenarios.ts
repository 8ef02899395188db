import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { engine } from "../envoy/container/engine.ts";
import { OWNER_LABEL } from "../envoy/container/leftovers.ts";
import { FullDisk, WallClock } from "../faults/index.ts";
import { requireTarget } from "../scenario/require-target.ts";
import { until } from "../until.ts";
import { containersUnavailable, type Mesh, startMesh } from "./index.ts";

const here = (name: string) => fileURLToPath(new URL(`testing/${name}`, import.meta.url));
const CONFIG = {
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
};
const TEAPOT = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec: { hosts: [reviews], http: [{ directResponse: { status: 418 } }] }
`;
const REVIEWS = "http://reviews:9080/";

let mesh: Mesh;
let clock: WallClock;
let disk: FullDisk;
beforeAll(async () => {
  if ((await containersUnavailable()) !== undefined) return;
  [clock, disk] = [await WallClock.start(), await FullDisk.start()];
  const env = { GREETING: "hello", DISK: disk.folder, ...clock.environment, ...disk.environment };
  mesh = await startMesh({
    runtime: "container",
    services: {
      web: { port: 8080, workloads: { v1: { command: [process.execPath, here("server.ts")], env } } },
      reviews: { port: 9080 },
    },
    gateways: { ingress: { ports: [80] } },
    config: CONFIG,
  });
}, 120_000);
beforeEach(async (context) => requireTarget({ name: "container", unavailable: containersUnavailable }, context));
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await clock?.[Symbol.asyncDispose]();
  await disk?.[Symbol.asyncDispose]();
});

const status = async () => {
  const answer = await mesh.workload("web").request(REVIEWS, { timeout: 1_000 });
  return answer.status;
};
const answers = (wanted: number) =>
  until(
    `${REVIEWS} answers ${wanted}`,
    () => status().catch(() => 0),
    (each) => each === wanted,
  );

test("containers ask each other as who they are, by scripts of the test and programs in them", async () => {
  const [web, reviews] = [mesh.workload("web"), mesh.workload("reviews")];
  expect((await web.get(REVIEWS)).body).toBe("reviews-1");
  expect(reviews.requests.at(-1)?.headers).toContainEqual(["x-forwarded-client-cert", expect.stringContaining("sa/web")]);
  expect((await mesh.gateway("ingress").get("http://shop.example/call")).body).toBe("reviews-1");
  // The program has a network of its own.
  expect((await reviews.get("http://web:8080/")).body).toMatch(/^hello from \d+$/);
  await expect.poll(() => web.log).toContain("listening");
  const { host, port } = reviews.address;
  await expect(fetch(`http://${host}:${port}/`)).rejects.toThrow();
});

test("rules change, and the control service comes back", async () => {
  await mesh.apply({ "rules.yaml": TEAPOT });
  expect(await status()).toBe(418);
  await mesh.control.kill();
  expect(await status()).toBe(418);
  await mesh.control.start();
  await mesh.apply({ "rules.yaml": undefined });
  expect(await status()).toBe(200);
});

test("a container that is off the network is not reached, and comes back with its address", async () => {
  const reviews = mesh.workload("reviews");
  await reviews.disconnect();
  await until(
    "nothing gets through",
    () => status().catch(() => 0),
    (each) => each !== 200,
  );
  await mesh.apply({ "rules.yaml": TEAPOT }, { without: ["reviews-1"] });
  await mesh.apply({ "rules.yaml": undefined }, { without: ["reviews-1"] });
  expect(await status().catch(() => 0)).not.toBe(200);
  await reviews.connect();
  await answers(200);
  await mesh.settled();
});

test("programs and sidecars end, hang and come back", async () => {
  const [web, reviews] = [mesh.workload("web"), mesh.workload("reviews")];
  await web.kill();
  expect([web.running, (await reviews.get("http://web:8080/")).status]).toEqual([false, 503]);
  await web.start();
  expect((await reviews.get("http://web:8080/")).body).toMatch(/^hello/);
  await reviews.sidecar.pause();
  await expect(web.request(REVIEWS, { timeout: 200 })).rejects.toThrow("no answer within 200 ms");
  reviews.sidecar.resume();
  await answers(200);
  reviews.sidecar.killEnvoy();
  await answers(200);
  await reviews.sidecar.restart({ drain: false });
  await mesh.settled();
  await answers(200);
});

test("programs see wrong clocks and full disks", async () => {
  const told = async (path: string) => (await mesh.workload("reviews").get(`http://web:8080/${path}`)).body;
  const year = 365 * 24 * 3_600;
  await clock.step(year);
  const ahead = Number(await told("time")) - Date.now();
  expect(ahead / 1_000 / year).toBeCloseTo(1, 3);
  await clock.step(-year);
  await disk.fill();
  expect(await told("write")).toBe("ENOSPC");
  await disk.free();
  expect(await told("write")).toBe("written");
});

test("where the process is killed that has started it, nothing is left", async () => {
  const child = spawn(process.execPath, [here("owner.ts"), "container"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { folder } = JSON.parse(line) as { readonly folder: string };
  const { dockerode } = (await engine()).container;
  const filters = { label: [`${OWNER_LABEL}=${hostname()}:${String(child.pid)}`] };
  const left = async () => {
    const found = [await dockerode.listContainers({ all: true, filters }), await dockerode.listNetworks({ filters })];
    return [...found.map(({ length }) => length), existsSync(folder)];
  };
  // Of the control service, the sidecar, and a keeper of the network for each.
  expect(await left()).toEqual([4, 1, true]);
  child.kill("SIGKILL");
  await until("nothing is left", left, (each) => each.join() === "0,0,false");
});
