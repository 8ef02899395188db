import { Host, type FilterChain, type HostOptions, type PluginConfig, type PluginHandle } from "../index.ts";
import { scriptedFilter } from "./scripted-filter.ts";

/** A host with one scripted filter, and what its filters logged. */
export interface ScriptedHost {
  readonly host: Host;
  readonly plugin: PluginHandle;
  readonly chain: FilterChain;
  /** Messages of filters since the last call. */
  logged(): string[];
}

/** Loads a filter that does what `script` says; see `test/foreign/scripted`. Lines are `callback: command arguments`. */
export async function scriptedHost(script: string, config: Partial<PluginConfig> = {}, options: HostOptions = {}): Promise<ScriptedHost> {
  const module = await scriptedFilter();
  const host = new Host(options);
  const plugin = host.load({ name: "scripted", module, configuration: lines(script), ...config });
  return { host, plugin, chain: host.chain([plugin]), logged: logReader(host) };
}

/** A script in a template literal, without its indentation. */
export function lines(script: string): string {
  return script.trim().replaceAll(/^\s+/gm, "");
}

export function logReader(host: Host): () => string[] {
  let read = 0;
  return () => {
    const messages = host.logs.lines.slice(read).filter((line) => line.source === "filter");
    read = host.logs.lines.length;
    return messages.map((line) => line.message);
  };
}
