import type { Effect, ObjectExplanation, ObjectReference, ResourceExplanation } from "../../control/explain/index.ts";
import { format } from "../try/output.ts";
import { table } from "../control/output.ts";
import type { RequestExplanation, RequestFailure } from "./requests.ts";

/** Paths that a line shows; `--output json` has more of them. */
const SHOWN_FIELDS = 3;

export function objectAsText({ object, effects, unaffected }: ObjectExplanation): string {
  const all = unaffected.length + effects.reduce((sum, { proxies }) => sum + proxies.length, 0);
  const head = `${called(object)}  ${placeOf(object)}\n`;
  if (all === 0) return `${head}there is no proxy\n`;
  if (effects.length === 0) return `${head}does nothing to ${counted(all, "proxy", "proxies")}: each gets the same without it\n`;
  const groups = effects.map(({ proxies, resources }) => {
    const rows = resources.map((each) => [
      `  ${each.effect}`,
      each.type,
      each.name,
      sizes(each),
      shownFields(each.fields),
      byPatches(object, each),
    ]);
    return `\n${proxies.join("\n")}\n${trimmed(table(rows))}`;
  });
  const rest = unaffected.length === 0 ? "" : `\nnothing to ${counted(unaffected.length, "other proxy", "other proxies")}\n`;
  return head + groups.join("") + rest;
}

export function resourcesAsText({ proxy, resources }: ResourceExplanation): string {
  if (resources.length === 0) return `${proxy} has none\n`;
  return resources
    .map(({ type, name, bytes, objects }) => {
      const head = `${type} ${name}  ${bytes === 0 ? "not there" : `${bytes} B`}\n`;
      if (objects.length === 0) return `${head}  made without objects\n`;
      const rows = objects.map((each) => [
        `  ${each.effect}`,
        called(each),
        placeOf(each),
        shownFields(each.fields),
        byPatches(each, each),
      ]);
      return head + trimmed(table(rows));
    })
    .join("\n");
}

export function requestsAsText(requests: readonly (RequestExplanation | RequestFailure)[]): string {
  return requests
    .map((each) => {
      if ("error" in each) return format(each, { output: "text" });
      return format(each.result, { output: "text", explain: true }) + each.objects.map(partOf).join("");
    })
    .join("\n");
}

function partOf(object: RequestExplanation["objects"][number]): string {
  const { decides, without } = object;
  const decided = decides.length === 0 ? "" : `  decides: ${decides.join(", ")}`;
  const otherwise = without === null ? "" : `    without it ${without.aspect}: ${without.after}\n    instead of: ${without.before}\n`;
  return `  ${called(object)}  ${placeOf(object)}${decided}\n${otherwise}`;
}

export function called({ kind, namespace, name }: Pick<ObjectReference, "kind" | "namespace" | "name">): string {
  return `${kind} ${namespace}/${name}`;
}

export function placeOf({ file, line }: Pick<ObjectReference, "file" | "line">): string {
  return `${file}:${line}`;
}

function sizes({ effect, bytes, bytesWithout }: Effect): string {
  if (effect === "makes") return `${bytes} B`;
  return effect === "hides" ? `${bytesWithout} B` : `${bytes} B, without it ${bytesWithout} B`;
}

function shownFields(fields: readonly string[]): string {
  const shown = fields.slice(0, SHOWN_FIELDS);
  return shown.join(", ") + (fields.length > shown.length ? ", ..." : "");
}

/** Of an EnvoyFilter, where the patches stand. */
function byPatches({ file }: Pick<ObjectReference, "file">, { patches }: Pick<Effect, "patches">): string {
  return patches.length === 0 ? "" : `by ${patches.map(({ path, line }) => `${path} ${file}:${line}`).join(", ")}`;
}

function trimmed(text: string): string {
  return text.replaceAll(/ +$/gm, "");
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
