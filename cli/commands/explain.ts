import { type Command, Option } from "commander";
import type { ObjectExplanation, ResourceExplanation } from "../../control/explain/index.ts";
import type { Proxy } from "../../control/model/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, outputOption, print } from "../control/output.ts";
import { readProxyOption } from "../control/read-proxy-option.ts";
import { OBJECT_TYPES } from "./config.ts";

interface ExplainOptions extends AdminOptions {
  readonly file: readonly string[];
  readonly meshConfig?: string;
  readonly proxy?: string;
  readonly metadata?: string;
  readonly namespace: string;
  readonly request?: string;
  readonly direction?: "inbound" | "outbound";
  readonly cluster: readonly string[];
  readonly output: OutputFormat;
}

export function addExplain(program: Command): void {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  const command = program
    .command("explain")
    .summary("show which objects made what a proxy gets, and what an object does")
    .description(
      "Shows which objects made a resource of a proxy (TYPE [NAME], with --proxy), or what an object does to which proxies (KIND NAME): what would be another without it. From files (-f), or of a control service that runs.",
    )
    .argument("[what]", `a type of resource (${OBJECT_TYPES.join(", ")}), or a kind such as VirtualService or vs`)
    .argument("[name]", "of the resource (default: all of the type), or of the object")
    .option("-f, --file <path>", "a directory or file with objects of the mesh; may be repeated", collect, [])
    .option("--mesh-config <file>", "Istio's MeshConfig")
    .option("--proxy <node-id>", "such as sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local (default, of an object: all)")
    .option("--metadata <json>", "metadata of the node; LABELS select policies")
    .option("-n, --namespace <namespace>", "of the object", "default")
    .option(
      "--request <file>",
      "requests, one JSON object a line, as of `meshwright try`, and who made what becomes of them; - is standard input",
    )
    .addOption(
      new Option(
        "--direction <direction>",
        "which requests of a sidecar: those of its workload, or those to it. Default: outbound",
      ).choices(["inbound", "outbound"]),
    )
    .option("--cluster <name=file>", "what a cluster answers that a filter calls; may be repeated", collect, []);
  addAdminOptions(command)
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 1 where there is no such resource or object, or an object of the files has an error. With --request the answers come from private Envoys, as those of \`meshwright try\`: one for the mesh as it is, and one
for each object that comes into question, without it.

Examples:
  $ meshwright explain -f mesh/ --proxy sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local cluster
  $ meshwright explain -f mesh/ VirtualService reviews
  $ meshwright explain --proxy sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local listener virtualInbound
  $ echo '{"authority": "reviews:9080", "path": "/"}' | meshwright explain -f mesh/ --proxy sidecar~10.0.0.1~a.default~default.svc.cluster.local --request -
  $ echo '{"authority": "reviews:9080", "path": "/"}' | meshwright explain --proxy sidecar~10.0.0.1~a.default~default.svc.cluster.local --request -
  $ meshwright explain pa default -n istio-system --output json`,
    )
    .action(explain);
}

async function explain(what: string | undefined, name: string | undefined, options: ExplainOptions): Promise<void> {
  const { output, namespace, proxy, metadata, file, meshConfig } = options;
  const isOffline = file.length > 0;
  if (!isOffline && (metadata !== undefined || meshConfig !== undefined))
    throw new CliError(ExitCode.Usage, `--${metadata === undefined ? "mesh-config" : "metadata"} belongs to -f: a service knows its own`);
  const stray =
    (["request", "direction"] as const).find((each) => options[each] !== undefined) ?? (options.cluster.length > 0 ? "cluster" : undefined);
  if (options.request !== undefined) return explainRequest(what, options.request, options);
  if (stray !== undefined) throw new CliError(ExitCode.Usage, `--${stray} belongs to --request`);
  if (what === undefined) throw new CliError(ExitCode.Usage, "say what: TYPE [NAME] of a proxy, KIND NAME, or --request FILE");
  // A secret that is a resource and the kind Secret differ by who it is asked for.
  if (OBJECT_TYPES.some((type) => type === what) && (proxy !== undefined || name === undefined)) {
    if (proxy === undefined) throw new CliError(ExitCode.Usage, `${what} is a type of resource: say whose with --proxy NODE_ID`);
    const choice = { type: what, ...(name === undefined ? {} : { name }) };
    const found = await (isOffline
      ? offlineResources(options, readProxyOption(proxy, metadata), choice)
      : (askAdmin(options, `/api/v1/explain/resources${queryOf({ proxy, ...choice })}`) as Promise<ResourceExplanation>));
    if (name !== undefined && found.resources.length === 0)
      throw new CliError(ExitCode.Input, `the proxy has no ${what} ${name}, with or without any of its objects`);
    const { resourcesAsText } = await import("../explain/output.ts");
    return print(output, found, () => resourcesAsText(found));
  }
  const kind = await kindOf(what);
  if (name === undefined) throw new CliError(ExitCode.Usage, `which ${kind}? say its name`);
  const found = await (isOffline
    ? offlineObject(options, proxy === undefined ? [] : [readProxyOption(proxy, metadata)], { kind, namespace, name })
    : (askAdmin(
        options,
        `/api/v1/explain/objects/${[kind, namespace, name].map(encodeURIComponent).join("/")}${queryOf({ proxy })}`,
      ) as Promise<ObjectExplanation>));
  const { objectAsText } = await import("../explain/output.ts");
  print(output, found, () => objectAsText(found));
}

async function explainRequest(what: string | undefined, input: string, options: ExplainOptions): Promise<void> {
  const { file, proxy: id, metadata, direction, cluster, output } = options;
  if (what !== undefined) throw new CliError(ExitCode.Usage, `${what} and --request are two questions: ask one`);
  if (id === undefined) throw new CliError(ExitCode.Usage, "--request wants to know whose requests they are: --proxy NODE_ID");
  const [{ readRequests }, { readClusters }, { explainRequests }, { requestsAsText }] = await Promise.all([
    import("../try/run-requests.ts"),
    import("../try/clusters.ts"),
    import("../explain/requests.ts"),
    import("../explain/output.ts"),
  ]);
  const { lines } = await readRequests(input);
  const callouts = await readClusters(cluster);
  const { mesh, proxy } = file.length > 0 ? await offlineMesh(options, readProxyOption(id, metadata)) : await runningMesh(options, id);
  const requests = lines.flatMap((line) => ("request" in line ? [line.request] : []));
  const answers = await explainRequests(requests, { mesh, proxy, callouts, ...(direction === undefined ? {} : { direction }) });
  let next = 0;
  const all = lines.map((line) => {
    if ("request" in line) return answers[next++] ?? { error: "not run" };
    return { ...(line.id === undefined ? {} : { id: line.id }), error: line.error };
  });
  if (all.some((each) => "error" in each)) process.exitCode = ExitCode.Input;
  print(output, { proxy: proxy.id, requests: all }, () => requestsAsText(all));
}

async function offlineMesh({ file, meshConfig }: ExplainOptions, proxy: Proxy) {
  const { readFiles, withIdentity } = await import("../explain/offline.ts");
  const { mesh } = await readFiles({ files: file, meshConfig });
  return { mesh, proxy: withIdentity(proxy) };
}

async function runningMesh(options: ExplainOptions, id: string) {
  const { readRunning } = await import("../explain/service.ts");
  return readRunning(options, id);
}

async function offlineResources(
  options: ExplainOptions,
  proxy: Proxy,
  choice: { readonly type: string; readonly name?: string },
): Promise<ResourceExplanation> {
  const { explainResourcesOf, readFiles } = await import("../explain/offline.ts");
  const { mesh } = await readFiles({ files: options.file, meshConfig: options.meshConfig });
  return explainResourcesOf(mesh, proxy, choice);
}

async function offlineObject(
  options: ExplainOptions,
  proxies: readonly Proxy[],
  asked: { readonly kind: string; readonly namespace: string; readonly name: string },
): Promise<ObjectExplanation> {
  const { explainObjectOf, readFiles } = await import("../explain/offline.ts");
  const { mesh } = await readFiles({ files: options.file, meshConfig: options.meshConfig });
  return explainObjectOf(mesh, proxies, asked);
}

async function kindOf(what: string): Promise<string> {
  const [{ KINDS }, { kindNamed }, { suggestion }] = await Promise.all([
    import("../../control/kinds/index.ts"),
    import("../../control/admin/objects/kinds.ts"),
    import("../../control/model/fields/suggestion.ts"),
  ]);
  const kinds = KINDS.map(({ kind }) => kind);
  const kind = kindNamed(what, kinds);
  if (kind === undefined)
    throw new CliError(
      ExitCode.Usage,
      `${what} is neither a type of resource (${OBJECT_TYPES.join(", ")}) nor a kind${suggestion(what, [...kinds, ...OBJECT_TYPES])}`,
    );
  return kind;
}

function queryOf(values: Readonly<Record<string, string | undefined>>): string {
  const parts = Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`]));
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}
