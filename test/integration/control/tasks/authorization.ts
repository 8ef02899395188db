import { Client, getAt } from "../client.ts";
import { type IdentityMesh, type Namespace, PORTS } from "./identity-mesh.ts";

/** An AuthorizationPolicy for `httpbin` of namespace foo. */
export function policy(name: string, spec: string, { namespace = "foo", annotations = "" } = {}): string {
  return `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: ${namespace}${annotations === "" ? "" : `, annotations: { ${annotations} }`} }
spec: ${spec}
`;
}

/** For the workload alone. */
export const HTTPBIN = "selector: { matchLabels: { app: httpbin } }";

/** Requests of `httpbin` of a namespace, by way of its sidecar, to that of namespace foo. */
export class Caller {
  private readonly mesh: IdentityMesh;

  constructor(mesh: IdentityMesh) {
    this.mesh = mesh;
  }

  async get(from: Namespace, path = "/", headers: readonly string[] = []): Promise<number> {
    return (await getAt(this.mesh.place(from, "foo", "http"), AUTHORITY, path, headers)).status;
  }

  async post(from: Namespace, path = "/"): Promise<number> {
    using client = new Client(this.mesh.place(from, "foo", "http"));
    return (await client.post(AUTHORITY, path, Buffer.from("body"))).status;
  }

  async body(from: Namespace, path: string): Promise<string> {
    return (await getAt(this.mesh.place(from, "foo", "http"), AUTHORITY, path)).body;
  }
}

const AUTHORITY = `httpbin.foo:${PORTS.http}`;
