import { type Json, mergeProxyConfigs, type ProxyConfig, proxyConfigOf } from "../../control/bootstrap/index.ts";
import { formatProblem, readProxy } from "../../control/model/index.ts";
import { patchedBootstrap, podConfigOf, proxySettingsOf, readMesh } from "../../control/offline.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { meshSources } from "../control/mesh-sources.ts";

/** What objects say of a proxy. */
export interface OfObjects {
  readonly config: ProxyConfig;
  /** What EnvoyFilters make of what it starts with. */
  readonly patch: (bootstrap: Json) => Json;
}

/**
 * What MeshConfig's `defaultConfig`, the ProxyConfigs and its pod among objects say of a proxy, and what EnvoyFilters change. Apart from the other options, which do without all that reads objects.
 *
 * @param tell hears each error of an object; the others count
 */
export async function proxyConfigIn(
  paths: readonly string[],
  meshConfig: string | undefined,
  node: { readonly id: string; readonly metadata: Readonly<Record<string, unknown>> },
  tell: (problem: string) => void,
): Promise<OfObjects> {
  const proxy = readProxy(node);
  if (typeof proxy === "string") throw new CliError(ExitCode.Input, proxy);
  const { mesh, problems } = await readMesh(await meshSources(paths, meshConfig));
  for (const problem of problems) if (problem.level === "error") tell(formatProblem(problem));
  return {
    config: mergeProxyConfigs(proxyConfigOf(proxySettingsOf(mesh, proxy)), podConfigOf(mesh, proxy)),
    patch: (bootstrap) => patchedBootstrap(mesh, proxy, bootstrap, tell),
  };
}
