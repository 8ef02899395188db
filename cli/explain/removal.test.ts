import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Explainer, explainObject, explainResources, proxiesOfMesh } from "../../control/explain/index.ts";
import { typeUrl } from "../../control/envoy-api/index.ts";
import { objectKey, type Proxy } from "../../control/model/index.ts";
import { readMesh, translate } from "../../control/offline.ts";
import { MemorySource } from "../../control/sources/memory/index.ts";
import { XDS_TYPES } from "../../control/xds/types/index.ts";
import { shopMesh } from "../testing/shop-mesh.ts";

// What explain says of each object is held to a mesh that is read anew from files in which the object does not stand.

type Files = Readonly<Record<string, string>>;

const bookshop = fileURLToPath(new URL("../../scripts/demo/mesh/", import.meta.url));

async function bookshopFiles(): Promise<Files> {
  const files: Record<string, string> = {};
  for (const name of await readdir(bookshop)) files[name] = await readFile(`${bookshop}${name}`, "utf8");
  return files;
}

/** What else may stand in a mesh: workloads, a Sidecar that hides hosts, policies and settings, and two services of one host. */
const MORE: Files = {
  "more.yaml": `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: few, namespace: default }
spec: { workloadSelector: { labels: { app: db } }, egress: [{ hosts: ["./reviews.default.svc.cluster.local"] }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-admin, namespace: default }
spec: { selector: { matchLabels: { app: reviews } }, action: DENY, rules: [{ to: [{ operation: { paths: [/admin] } }] }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: db, namespace: default }
spec: { selector: { matchLabels: { app: db } }, rules: [{ from: [{ source: { namespaces: [default] } }] }] }
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens, namespace: istio-system }
spec: { jwtRules: [{ issuer: a, jwks: '{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}' }] }
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: logs, namespace: istio-system }
spec: { accessLogging: [{ providers: [{ name: envoy }] }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "defaultConfig: { proxyHeaders: { attemptCount: { disabled: true } } }" }
`,
};

async function meshOf(files: Files) {
  const { meshConfigOfConfigMap } = await import("../../control/kinds/mesh-config/index.ts");
  const { mapped } = await import("../../control/sources/mapped.ts");
  return readMesh([mapped(new MemorySource(files), (manifest) => meshConfigOfConfigMap(manifest) ?? manifest)]);
}

/** Every document by itself, so that one can be left out. */
function documents(files: Files): Files {
  const entries = Object.entries(files).flatMap(([name, text]) =>
    text
      .split(/^---$/m)
      .filter((document) => /^kind:/m.test(document))
      .map((document, index) => [`${index}-${name}`, document] as const),
  );
  return Object.fromEntries(entries);
}

/** What a proxy gets, `type name: bytes`. */
function received(mesh: Parameters<typeof translate>[0], proxy: Proxy): ReadonlyMap<string, string> {
  const snapshot = translate(mesh, proxy);
  const resources = new Map<string, string>();
  for (const { name: type, schema } of XDS_TYPES.filter(({ name }) => name !== "roots")) {
    const view = snapshot.resources(typeUrl(schema));
    for (const name of view.names()) resources.set(`${type} ${name}`, view.get(name)?.version ?? "");
  }
  return resources;
}

const meshes = [
  ["the bookshop", bookshopFiles],
  ["a mesh with a bit of everything", () => Promise.resolve({ ...shopMesh(), ...MORE })],
] as const;

describe.each(meshes)("%s", (_, read) => {
  test("every object does what its removal undoes, and nothing else", async () => {
    const files = documents(await read());
    const { mesh, problems } = await meshOf(files);
    expect(problems.filter(({ level }) => level === "error")).toEqual([]);
    const proxies = proxiesOfMesh(mesh);
    expect(proxies.length).toBeGreaterThan(2);
    const before = new Map(proxies.map((proxy) => [proxy.id, received(mesh, proxy)]));
    for (const object of mesh.allObjects()) {
      const explanation = await explainObject(mesh, proxies, object);
      const said = new Map(explanation.unaffected.map((id) => [id, [] as string[]]));
      for (const { proxies: ids, resources } of explanation.effects)
        for (const id of ids) said.set(id, resources.map(({ type, name, effect }) => `${effect} ${type} ${name}`).sort());

      const { file } = object.place();
      const { mesh: without } = await meshOf(Object.fromEntries(Object.entries(files).filter(([name]) => name !== file)));
      expect(without.object(objectKey(object))).toBeUndefined();
      for (const proxy of proxies) {
        const now = before.get(proxy.id) ?? new Map<string, string>();
        const then = received(without, proxy);
        const differing = [...new Set([...now.keys(), ...then.keys()])].filter((each) => now.get(each) !== then.get(each));
        const expected = differing.map((each) => `${then.has(each) ? (now.has(each) ? "changes" : "hides") : "makes"} ${each}`).sort();
        expect({ object: objectKey(object), proxy: proxy.id, does: said.get(proxy.id) }).toEqual({
          object: objectKey(object),
          proxy: proxy.id,
          does: expected,
        });
      }
    }
  });
});

test("who made a resource says of it what it does", async () => {
  const { mesh } = await meshOf(await bookshopFiles());
  const proxies = proxiesOfMesh(mesh).slice(-2);
  const byObject = new Set<string>();
  for (const object of mesh.allObjects()) {
    for (const { proxies: on, effects } of await (await Explainer.of(mesh, proxies)).effectsOf(object))
      for (const { id } of on)
        for (const { type, name, effect } of effects) byObject.add([id, type, name, effect, objectKey(object)].join(" "));
  }
  const byResource = new Set<string>();
  for (const proxy of proxies)
    for (const { name: type } of XDS_TYPES)
      for (const { name, objects } of (await explainResources(mesh, proxy, { type })).resources)
        for (const each of objects)
          byResource.add([proxy.id, type, name, each.effect, `${each.kind}/${each.namespace}/${each.name}`].join(" "));
  expect([...byResource].sort()).toEqual([...byObject].sort());
});
