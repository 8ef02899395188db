import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { workloadGroup, type WorkloadGroupSpec } from "../kinds/workload-group/index.ts";
import { GROUP_KEY, IDENTITY_KEY, type MeshObject, type Proxy, readProxy, type Registration } from "../model/index.ts";
import { readManifests } from "../model/manifest/index.ts";
import { Kinds, readObject } from "../model/objects/index.ts";
import { Registrations, type RegistrationsOptions } from "./index.ts";

const running: Registrations[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each[Symbol.asyncDispose]();
});

interface Entry {
  readonly metadata: { readonly name: string; readonly labels: object; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What the source says that there is, by file. */
async function started(options: RegistrationsOptions = {}) {
  const entries = new Map<string, Entry>();
  const lines: string[] = [];
  const line = (_: object, message: string) => lines.push(message);
  const registrations = new Registrations({ grace: 50, log: { info: line, warn: line, error: line }, ...options });
  running.push(registrations);
  await registrations.start(({ files }) => {
    for (const { file, manifests = [] } of files) {
      const [manifest] = manifests;
      if (manifest === undefined) entries.delete(file);
      else entries.set(file, manifest.value as unknown as Entry);
    }
  });
  return { registrations, entries, lines };
}

function group(name: string, spec: string): MeshObject<WorkloadGroupSpec> {
  const yaml = `apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: { name: ${name}, namespace: shop }\nspec: ${spec}\n`;
  const [manifest] = readManifests("group.yaml", yaml).manifests;
  const { object } = manifest === undefined ? { object: undefined } : readObject(manifest, new Kinds([workloadGroup]));
  if (object === undefined) throw new Error(yaml);
  return object as MeshObject<WorkloadGroupSpec>;
}

function proxy(address: string, metadata: object = {}): Proxy {
  const read = readProxy({
    id: `sidecar~${address}~vm-1.shop~shop.svc.cluster.local`,
    metadata: { [GROUP_KEY]: "reviews", SERVICE_ACCOUNT: "reviews", [IDENTITY_KEY]: "socket", ...metadata },
    locality: { region: "r", zone: "z", subZone: "" },
  });
  if (typeof read === "string") throw new Error(read);
  return read;
}

const reviews = group(
  "reviews",
  `{ metadata: { labels: { app: reviews, tier: group }, annotations: { note: text } }, template: { ports: { http: 8080 }, labels: { version: v1, tier: template }, weight: 3, serviceAccount: reviews } }`,
);
const FILE = "registered/shop/reviews-10.0.0.9-net";

test("an entry has the template of its group, and what its node says", async () => {
  const { registrations, entries } = await started();
  registrations.takeGroups([reviews]);
  registrations.connect(proxy("10.0.0.9", { NETWORK: "net", LABELS: { tier: "node" } }));
  await registrations.refresh();
  expect(Object.fromEntries(entries)).toEqual({
    [FILE]: {
      apiVersion: "networking.istio.io/v1",
      kind: "WorkloadEntry",
      metadata: {
        name: "reviews-10.0.0.9-net",
        namespace: "shop",
        labels: { app: "reviews", tier: "group" },
        annotations: { note: "text", "istio.io/autoRegistrationGroup": "reviews" },
      },
      spec: {
        ports: { http: 8080 },
        weight: 3,
        serviceAccount: "reviews",
        address: "10.0.0.9",
        labels: { version: "v1", app: "reviews", tier: "node" },
        network: "net",
        locality: "r/z",
      },
    },
  });
});

test("who has no certificate is called in plain text", async () => {
  const { registrations, entries } = await started();
  registrations.takeGroups([reviews]);
  registrations.connect(proxy("10.0.0.9", { [IDENTITY_KEY]: undefined }));
  await registrations.refresh();
  expect([...entries.values()].map(({ spec }) => spec["labels"])).toEqual([
    { "security.istio.io/tlsMode": "disabled", app: "reviews", tier: "group", version: "v1" },
  ]);
});

test("it goes a while after its proxy, and stays where that comes back", async () => {
  const { registrations, entries } = await started();
  const vm = proxy("10.0.0.9");
  registrations.takeGroups([reviews]);
  registrations.connect(vm);
  await registrations.refresh();
  registrations.disconnect(vm.id);
  registrations.connect(vm);
  await sleep(100);
  expect(entries.size).toBe(1);
  registrations.disconnect(vm.id);
  expect(entries.size).toBe(1);
  await expect.poll(() => entries.size, { timeout: 5_000 }).toBe(0);
});

test("it comes with its group, changes with it, and goes with it", async () => {
  const { registrations, entries, lines } = await started();
  registrations.connect(proxy("fd00::9"));
  await registrations.refresh();
  expect([...entries]).toEqual([]);
  expect(lines).toEqual(["there is no WorkloadGroup reviews in namespace shop"]);
  registrations.takeGroups([reviews]);
  await registrations.refresh();
  expect([...entries.keys()]).toEqual(["registered/shop/reviews-fd00--9"]);
  registrations.takeGroups([group("reviews", "{ template: { weight: 7, serviceAccount: reviews } }")]);
  await registrations.refresh();
  expect([...entries.values()].map(({ spec }) => spec["weight"])).toEqual([7]);
  registrations.takeGroups([]);
  await registrations.refresh();
  expect(entries.size).toBe(0);
});

test("who runs under another service account gets none", async () => {
  const { registrations, entries, lines } = await started();
  registrations.takeGroups([reviews]);
  registrations.connect(proxy("10.0.0.9", { SERVICE_ACCOUNT: "other" }));
  registrations.connect(proxy("10.0.0.8", { [GROUP_KEY]: undefined }));
  await registrations.refresh();
  expect(entries.size).toBe(0);
  expect(lines).toEqual(["may not register with WorkloadGroup reviews: that wants the service account reviews, and this proxy has other"]);
});

test("of a group with a probe it is healthy when that is said, and as long", async () => {
  const { registrations, entries } = await started();
  const vm = proxy("10.0.0.9");
  registrations.takeGroups([group("reviews", "{ template: { serviceAccount: reviews }, probe: { tcpSocket: { port: 80 } } }")]);
  registrations.connect(vm);
  const healthy = async () => {
    await registrations.refresh();
    return [...entries.values()].map(({ metadata }) => metadata.annotations["meshwright.mesh/healthy"] !== "false");
  };
  expect(await healthy()).toEqual([false]);
  registrations.report(vm.id, undefined);
  expect(await healthy()).toEqual([true]);
  registrations.report(vm.id, "503");
  expect(await healthy()).toEqual([false]);
  registrations.report("sidecar~10.0.0.8~stranger.shop~shop.svc.cluster.local", undefined);
  expect(await healthy()).toEqual([false]);
});

test("those of before a restart are there from the beginning, until it is clear that they do not come back", async () => {
  let kept: readonly Registration[] = [];
  const first = await started({ keep: (all) => (kept = all()) });
  first.registrations.takeGroups([reviews]);
  for (const address of ["10.0.0.8", "10.0.0.9"]) first.registrations.connect(proxy(address));
  await first.registrations.refresh();
  const second = await started({ kept, graceAfterRestart: 200 });
  expect([...second.entries.keys()]).toEqual([...first.entries.keys()]);
  second.registrations.takeGroups([reviews]);
  second.registrations.connect(proxy("10.0.0.9"));
  await expect.poll(() => [...second.entries.keys()], { timeout: 5_000 }).toEqual(["registered/shop/reviews-10.0.0.9"]);
});
