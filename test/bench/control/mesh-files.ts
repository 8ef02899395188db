import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What is changed while the clock runs: the weight of a route, the address of an endpoint, the match of a route, an AuthorizationPolicy of all workloads, which is not there before. */
export type MeshEdit = "weight" | "endpoint" | "match" | "policy";

/** A directory of YAML: services with two subsets, one endpoint and a weighted route each, every one in files of its own. */
export class MeshFiles {
  readonly folder: string;
  readonly services: number;

  private constructor(folder: string, services: number) {
    this.folder = folder;
    this.services = services;
  }

  static async write(folder: string, services: number): Promise<MeshFiles> {
    await mkdir(folder, { recursive: true });
    for (const [file, text] of Object.entries(filesOf(services))) await writeFile(join(folder, file), text);
    return new MeshFiles(folder, services);
  }

  /** Puts a changed file in the place of one, whole; `generation` makes it another than before. Gives the time of the change. */
  async change(edit: MeshEdit, index: number, generation: number): Promise<number> {
    const { file, text } = fileOf(edit, index, generation);
    const draft = join(this.folder, `.${file}.draft`);
    await writeFile(draft, text);
    const changedAt = performance.now();
    await rename(draft, join(this.folder, file));
    return changedAt;
  }
}

/** The text of every file, by name. */
export function filesOf(services: number): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (let index = 0; index < services; index++) {
    files[`${nameOf(index)}.yaml`] = serviceOf(index);
    files[endpointsFile(index)] = endpointsOf(index, 0);
    files[routeFile(index)] = routeOf(index, 10, "/a");
  }
  return files;
}

/** The file that an edit changes, as it is then; `generation` makes it another than before. */
export function fileOf(edit: MeshEdit, index: number, generation: number): { readonly file: string; readonly text: string } {
  if (edit === "endpoint") return { file: endpointsFile(index), text: endpointsOf(index, generation) };
  if (edit === "policy") return { file: "policy.yaml", text: policyOf(generation) };
  const text = routeOf(index, edit === "weight" ? 11 + (generation % 40) : 10, edit === "match" ? `/b${generation}` : "/a");
  return { file: routeFile(index), text };
}

function endpointsFile(index: number): string {
  return `${nameOf(index)}-endpoints.yaml`;
}

function routeFile(index: number): string {
  return `${nameOf(index)}-route.yaml`;
}

function nameOf(index: number): string {
  return `service-${index}`;
}

function serviceOf(index: number): string {
  const name = nameOf(index);
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {clusterIP: 10.${100 + (index >> 8)}.${index & 255}.1, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${name}, namespace: default}
spec:
  host: ${name}
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
`;
}

function endpointsOf(index: number, generation: number): string {
  const name = nameOf(index);
  return `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}, namespace: default, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.${1 + (index >> 8)}.${index & 255}.${1 + (generation % 250)}], conditions: {ready: true}}]
`;
}

function routeOf(index: number, weight: number, prefix: string): string {
  const name = nameOf(index);
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, namespace: default}
spec:
  hosts: [${name}]
  http:
    - match: [{uri: {prefix: ${prefix}}}]
      route:
        - {destination: {host: ${name}, subset: v1}, weight: ${100 - weight}}
        - {destination: {host: ${name}, subset: v2}, weight: ${weight}}
    - route: [{destination: {host: ${name}}}]
`;
}

function policyOf(generation: number): string {
  return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: paths, namespace: default}
spec: {action: DENY, rules: [{to: [{operation: {paths: [/denied/${generation}]}}]}]}
`;
}
