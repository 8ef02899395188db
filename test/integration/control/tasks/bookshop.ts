import { startUpstream, type Script, type Upstream } from "../../../../harness/upstreams/index.ts";
import type { Answer } from "../client.ts";
import { type RunningEnvoy, RunningMesh } from "../running-mesh.ts";

/** The sidecar of the page, which calls the others. */
const PAGE = "sidecar~10.0.0.1~productpage-v1.default~default.svc.cluster.local";

export type Program = "reviews-v1" | "reviews-v2" | "reviews-v3" | "ratings-v1";
const PROGRAMS: readonly Program[] = ["reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1"];

/** Services and workloads, and subsets by version. */
function mesh(ports: ReadonlyMap<Program, number>): string {
  const workload = (program: Program) => {
    const [app = "", version = ""] = program.split("-");
    return `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${program} }
spec: { address: 127.0.0.1, ports: { http: ${ports.get(program) ?? 0} }, labels: { app: ${app}, version: ${version} } }`;
  };
  const service = (app: string, versions: readonly string[]) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${app} }
spec: { selector: { app: ${app} }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${app} }
spec:
  host: ${app}
  subsets: [${versions.map((version) => `{ name: ${version}, labels: { version: ${version} } }`).join(", ")}]`;
  return service("reviews", ["v1", "v2", "v3"]) + service("ratings", ["v1"]) + PROGRAMS.map(workload).join("") + "\n";
}

/** Reviews in three versions, ratings, and the page's sidecar, whose configuration comes from YAML. Programs answer with their name. */
export class Bookshop implements AsyncDisposable {
  readonly mesh: RunningMesh;
  readonly page: RunningEnvoy;
  private readonly upstreams: ReadonlyMap<Program, Upstream>;

  private constructor(running: RunningMesh, page: RunningEnvoy, upstreams: ReadonlyMap<Program, Upstream>) {
    this.mesh = running;
    this.page = page;
    this.upstreams = upstreams;
  }

  /**
   * @param rules YAML of what the test is about
   * @param scripts programs that do something else than to answer with their name
   */
  static async start(rules = "", scripts: Partial<Record<Program, Script>> = {}): Promise<Bookshop> {
    const upstreams = new Map<Program, Upstream>();
    for (const program of PROGRAMS)
      upstreams.set(program, await startUpstream({ script: scripts[program] ?? (() => ({ body: program })) }));
    const ports = new Map(Array.from(upstreams, ([program, { port }]) => [program, port]));
    const running = await RunningMesh.start({ "bookshop.yaml": mesh(ports), "rules.yaml": rules });
    return new Bookshop(running, await running.proxy(PAGE), upstreams);
  }

  /** Puts other rules in place of those that are there, as who edits the file. */
  async apply(rules: string): Promise<void> {
    await this.mesh.apply({ "rules.yaml": rules });
    const errors = this.mesh.service.problems().filter(({ level }) => level === "error");
    if (errors.length > 0) throw new Error(errors.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n"));
  }

  upstream(program: Program): Upstream {
    const upstream = this.upstreams.get(program);
    if (upstream === undefined) throw new Error(`${program} is no program of the bookshop`);
    return upstream;
  }

  /** What the page sees when it calls a service, on behalf of a user where one is named. */
  call(
    app: string,
    options: { readonly user?: string; readonly path?: string; readonly headers?: readonly string[] } = {},
  ): Promise<Answer> {
    const { user, path = "/", headers = [] } = options;
    return this.page.get(`http://${app}:9080${path}`, [...(user === undefined ? [] : [`end-user: ${user}`]), ...headers]);
  }

  /** Calls many times, and counts the answers. */
  async count(app: string, times: number): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {};
    for (let left = times; left > 0; left -= 10) {
      const answers = await Promise.all(Array.from({ length: Math.min(10, left) }, () => this.call(app)));
      for (const { status, body } of answers) {
        const key = status === 200 ? body : String(status);
        counts[key] = (counts[key] ?? 0) + 1;
      }
    }
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]();
    for (const upstream of this.upstreams.values()) await upstream[Symbol.asyncDispose]();
  }
}

/** A VirtualService of a service of the bookshop. @param http the list of its rules, as YAML or JSON */
export function routes(app: string, http: unknown): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${app} }
spec: { hosts: [${app}], http: ${JSON.stringify(http)} }
`;
}
