import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { envoyTarget } from "../envoy/index.ts";
import { requireTarget } from "../scenario/require-target.ts";
import { MeshError, startMesh } from "./index.ts";

const here = (name: string) => fileURLToPath(new URL(`testing/${name}`, import.meta.url));
/** Also false of a process that has ended and that nobody has asked about. */
const isAlive = (pid: number) => existsSync(`/proc/${pid}/stat`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));

beforeEach(async (context) => requireTarget(envoyTarget, context));
afterEach(() => vi.unstubAllEnvs());

test("a program of one's own is asked and asks by way of its sidecar, ends and comes back; bytes go where they should", async () => {
  await using mesh = await startMesh({
    services: {
      web: { port: 8080, workloads: { v1: { command: [process.execPath, here("server.ts")], env: { GREETING: "hello" } } } },
      "reviews.default": { port: 9080 },
      "reviews-db.shop": { port: 5432, protocol: "tcp" },
    },
  });
  const [web, reviews] = [mesh.workload("web"), mesh.workload("reviews")];
  const greeting = (await reviews.get("http://web:8080/")).body;
  expect(greeting).toMatch(/^hello from \d+$/);
  expect((await reviews.get("http://web:8080/call")).body).toBe("reviews-1");
  await expect.poll(() => web.log).toContain("listening");
  // What a script speaks is HTTP, which for the sidecars are bytes.
  expect((await reviews.get("http://reviews-db.shop:5432/")).body).toBe("reviews-db-1");
  const twice = { a: { port: 1025, protocol: "tcp" }, b: { port: 1025 } } as const;
  await expect(startMesh({ services: twice })).rejects.toThrow("services.a: another service has port 1025 too");
  await web.kill();
  expect([web.running, (await reviews.get("http://web:8080/")).status]).toEqual([false, 503]);
  await web.start();
  expect((await reviews.get("http://web:8080/")).body).not.toBe(greeting);
  expect(() => web.answer(() => ({}))).toThrow("only a script can be changed");
});

test("what does not start says why, and leaves nothing", async () => {
  const services = {
    web: { port: 8080, workloads: { v1: { command: [process.execPath, "-e", "console.log('no port here')"] as const } } },
  };
  const failure: unknown = await startMesh({ services, mtls: false }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(MeshError);
  expect(failure).toMatchObject({ code: "exited", logs: ["no port here"] });
  expect(String(failure)).toContain("the program of web-v1 ended (exit code 0) before it listened on port");
});

test("objects with errors are refused where the mesh starts", async () => {
  const config = { "rules.yaml": "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: x }\nspec: { hosts: 7 }\n" };
  await expect(startMesh({ services: {}, config, mtls: false })).rejects.toThrow(/the mesh has errors:\n.*rules\.yaml:4:/);
  await expect(startMesh({ services: {}, config: { "../x.yaml": "" } })).rejects.toThrow("config: ../x.yaml is no name of a file");
});

test("a port that is in use everywhere is named", async () => {
  const server = createServer().listen(0, "0.0.0.0");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await expect(startMesh({ services: { web: { port } } })).rejects.toThrow(`port ${port} is in use on every address`);
  server.close();
});

test("where the process is killed that has started it, nothing is left", async () => {
  const child = spawn(process.execPath, [here("owner.ts")], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { pids, folder } = JSON.parse(line) as { readonly pids: readonly number[]; readonly folder: string };
  expect(pids.map(isAlive)).toEqual([true, true]);
  expect(existsSync(folder)).toBe(true);
  child.kill("SIGKILL");
  await expect.poll(() => [...pids.map(isAlive), existsSync(folder)], { timeout: 20_000 }).toEqual([false, false, false]);
});
