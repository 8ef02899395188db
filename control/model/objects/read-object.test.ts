import { expect, test } from "vitest";
import { readManifests } from "../manifest/index.ts";
import { formatProblem } from "../problem.ts";
import { readObject } from "./read-object.ts";
import { boxText, kinds } from "./testing.ts";

function read(text: string) {
  const [manifest] = readManifests("f", text).manifests;
  if (manifest === undefined) throw new Error("no document");
  const { object, problems, passedOver, key } = readObject(manifest, kinds);
  return { object, told: problems.map(formatProblem), passedOver, key };
}

const BOX = "apiVersion: networking.istio.io/v1\nkind: Box\n";
const REST = "metadata: {name: a}\nspec: {hosts: [x]}\n";

test("what an object says of itself", () => {
  const { object, told } = read(
    `${BOX}metadata:\n  name: a.b\n  labels: {app: x, example.com/y: ""}\n  annotations: {a/b: "any text"}\n  creationTimestamp: "2026-01-31T12:00:00Z"\n  uid: u\n  managedFields: [{}]\nspec: {hosts: [x]}\nstatus: {anything: [1]}\n`,
  );
  expect(told).toEqual([]);
  expect(object).toMatchObject({
    apiVersion: "networking.istio.io/v1",
    kind: "Box",
    metadata: {
      name: "a.b",
      namespace: "default",
      labels: { app: "x", "example.com/y": "" },
      creationTimestamp: Date.UTC(2026, 0, 31, 12),
    },
    spec: { hosts: ["x"], open: false },
  });
});

test("every version of a group; a body that stands in the document itself", () => {
  expect(read(boxText("a").replace("/v1", "/v1beta1")).object).toBeDefined();
  expect(read("apiVersion: v1\nkind: Service\nmetadata: {name: a}\ndata: x\n").object?.spec).toEqual({ data: "x" });
});

test.each<[string, string, string[]]>([
  ["no kind", `apiVersion: v1\n${REST}`, ['f:1:1: error MW0005 : "kind" is missing, as Box']],
  ["a misspelled one", `apiVersion: v1\nkid: Box\n${REST}`, ['f:1:1: error MW0005 : "kind" is missing, as Box; is "kid" meant to be it?']],
  ["no apiVersion", `kind: Box\n${REST}`, ['f:1:1: error MW0005 : "apiVersion" is missing, as networking.istio.io/v1']],
  [
    "an unknown kind of Istio's",
    `apiVersion: networking.istio.io/v1\nkind: Bocks\n${REST}`,
    ["f:2:1: error MW0002 kind: there is no kind Bocks of networking.istio.io/v1 here"],
  ],
  [
    "one that is near",
    `apiVersion: networking.istio.io/v1\nkind: Bax\n${REST}`,
    ["f:2:1: error MW0002 kind: there is no kind Bax of networking.istio.io/v1 here; did you mean Box?"],
  ],
  [
    "an unknown version",
    boxText("a").replace("/v1", "/v2"),
    [
      "f:1:1: error MW0002 apiVersion: Box has no version networking.istio.io/v2; networking.istio.io/v1, networking.istio.io/v1beta1 are read",
    ],
  ],
  [
    "another group of Istio's",
    boxText("a").replace("networking.", "security."),
    ["f:1:1: error MW0002 apiVersion: Box is not of security.istio.io; write networking.istio.io/v1"],
  ],
  [
    "a misspelled kind of the core",
    "apiVersion: v1\nkind: Servise\nmetadata: {name: a}\n",
    ["f:2:1: error MW0002 kind: there is no kind Servise of v1 here; did you mean Service?"],
  ],
  ["no metadata", `${BOX}spec: {hosts: [x]}\n`, ['f:1:1: error MW0005 : "metadata" is missing: every object has a name']],
  [
    "misspelled metadata",
    `${BOX}meta: {name: a}\nspec: {hosts: [x]}\n`,
    ['f:3:1: error MW0003 meta: unknown field "meta"; did you mean metadata?'],
  ],
  ["no name", `${BOX}metadata: {}\nspec: {hosts: [x]}\n`, ['f:3:1: error MW0004 metadata: "name" is missing: every object has one']],
  [
    "a name that is none",
    boxText("A_b"),
    [
      'f:3:12: error MW0004 metadata.name: "A_b" is no name (RFC 1123): lower-case letters, digits, "-" and ".", with a letter or digit at both ends',
    ],
  ],
  [
    "a label that became a boolean",
    `${BOX}metadata: {name: a, labels: {x: on}}\nspec: {hosts: [x]}\n`,
    ['f:3:30: error MW0004 metadata.labels.x: expected a string, found true; quote it: "true"'],
  ],
  [
    "a key of a label",
    `${BOX}metadata: {name: a, labels: {-x: a}}\nspec: {hosts: [x]}\n`,
    [
      'f:3:30: error MW0004 metadata.labels["-x"]: "-x" is no key: up to 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends',
    ],
  ],
  [
    "a time that is none",
    `${BOX}metadata: {name: a, creationTimestamp: yesterday}\nspec: {hosts: [x]}\n`,
    ['f:3:21: error MW0004 metadata.creationTimestamp: expected a time such as 2026-01-31T12:00:00Z, found "yesterday"'],
  ],
  ["a field beside spec", `${boxText("a")}hosts: [y]\n`, ['f:5:1: error MW0003 hosts: unknown field "hosts"']],
  [
    "a refused field",
    boxText("a", "{hosts: [x], lid: y}"),
    ['f:4:20: error MW0007 spec.lid: "lid" is not supported: boxes have none; leave it out'],
  ],
  ["what its kind checks", boxText("a", '{hosts: [x, "*"]}'), ["f:4:19: error MW0004 spec.hosts[1]: * is no host of the mesh"]],
])("%s is told", (_, text, told) => {
  const result = read(text);
  expect(result.told).toEqual(told);
  expect(result.object).toBeUndefined();
  expect(result.passedOver).toBe(false);
});

test.each([
  ["apps/v1", "Deployment"],
  ["v1", "ConfigMap"],
  ["v1", "Namespace"],
  ["gateway.networking.k8s.io/v1", "Box"],
  ["serving.knative.dev/v1", "Service"],
])("%s %s is another tool's, and no error", (apiVersion, kind) => {
  const { object, told, passedOver } = read(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n`);
  expect([object, passedOver, told]).toEqual([
    undefined,
    true,
    [`f:2:1: info MW0002 kind: ${kind} of ${apiVersion} says nothing about the mesh; passed over`],
  ]);
});

test("a refused object tells which it is, as far as it can", () => {
  expect(read(boxText("a", "{}")).key).toBe("Box/default/a");
  expect(read(`${BOX}meta: {name: a}\n`).key).toBeUndefined();
});
