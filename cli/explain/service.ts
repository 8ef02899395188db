import type { Mesh } from "../../control/mesh/index.ts";
import type { Proxy, Source, SourceChange } from "../../control/model/index.ts";
import { readMesh } from "../../control/offline.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import type { AdminOptions } from "../control/admin-client.ts";
import { readService } from "../diff/service.ts";

/**
 * The mesh of a running service, with what its proxies and issuers told, and one of the proxies that are connected. Objects stand where their files have them, line by line of the object. What is in Secrets the service
 * does not tell: a line of standard error says so for each.
 */
export async function readRunning(options: AdminOptions, id: string): Promise<{ readonly mesh: Mesh; readonly proxy: Proxy }> {
  const { before, surroundings, notes } = await readService(options, new Map(), false);
  const { proxies, peers, issuers } = surroundings;
  const proxy = proxies.find((each) => each.id === id);
  if (proxy === undefined)
    throw new CliError(ExitCode.Input, `${id} is not connected to the service; \`meshwright status\` lists who is, and -f takes any proxy`);
  for (const note of notes) process.stderr.write(`${note}\n`);
  const { mesh } = await readMesh(Array.from(before, sourceOf), "all");
  return { mesh: mesh.applyIssuers(issuers).mesh.applyPeers({ come: peers, gone: [] }).mesh, proxy };
}

/** What was read once. */
function sourceOf([name, change]: readonly [string, SourceChange]): Source {
  return {
    name,
    start: (changed) => Promise.resolve(changed(change)),
    refresh: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
