import { expect, test } from "vitest";
import { formatProblem, type Manifest } from "../../model/index.ts";
import { readManifests } from "../../model/manifest/index.ts";
import { Kinds, readObject } from "../../model/objects/index.ts";
import { meshConfig, meshConfigDocument, meshConfigOfConfigMap } from "./index.ts";
import { settingsOf } from "./settings.ts";

const kinds = new Kinds([meshConfig]);

function manifestOf(yaml: string): Manifest {
  const [manifest] = readManifests("mesh.yaml", yaml).manifests;
  if (manifest === undefined) throw new Error("nothing read");
  return manifest;
}

test("a document that says nothing of itself is the mesh's where it is known to be", () => {
  const { object, problems } = readObject(meshConfigDocument(manifestOf("rootNamespace: mesh\naccessLogFile: /dev/stdout\n")), kinds);
  expect(problems).toEqual([]);
  expect(object === undefined ? undefined : settingsOf(object as never)).toMatchObject({
    rootNamespace: "mesh",
    accessLogFile: "/dev/stdout",
  });
});

const CONFIG_MAP = `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  meshNetworks: "networks: {}"
  mesh: |
    rootNamespace: mesh
    outboundTrafficPolicy:
      mode: REGISTRY
`;

test("what is wrong in Istio's ConfigMap is told where it stands in the file", () => {
  const manifest = meshConfigOfConfigMap(manifestOf(CONFIG_MAP));
  const problems = manifest === undefined ? [] : readObject(manifest, kinds).problems;
  expect(problems.map(formatProblem)).toEqual([expect.stringMatching(/^mesh\.yaml:9:7: error MW0004 outboundTrafficPolicy\.mode: /)]);
});

test("YAML that is none in it is told there too", () => {
  const manifest = meshConfigOfConfigMap(manifestOf(CONFIG_MAP.replace("mode: REGISTRY", "mode: [")));
  expect(manifest?.problems?.some(({ line, level }) => line >= 9 && level === "error")).toBe(true);
});

test("other ConfigMaps are none of the mesh", () => {
  expect(meshConfigOfConfigMap(manifestOf(CONFIG_MAP.replace("name: istio,", "name: settings,")))).toBeUndefined();
});
