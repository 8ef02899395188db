import { meshConfigOfConfigMap } from "../../control/kinds/mesh-config/index.ts";
import { formatProblem, type Manifest, type Problem, type Source } from "../../control/model/index.ts";
import { DirectorySource } from "../../control/sources/directory/index.ts";
import { MemorySource } from "../../control/sources/memory/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { readInput } from "../read-file.ts";

/** A problem as the API tells it. */
export type ToldProblem = Omit<Problem, "path"> & { readonly path: string };

/** Objects of files, as they are sent, and where each of them stands. */
export interface SentObjects {
  /** A stream of YAML. */
  readonly text: string;
  readonly count: number;
  /** The same problem with the place in the file where it comes from. */
  readonly here: (problem: ToldProblem) => ToldProblem;
}

/** Reads files and directories, `-` for standard input. Ends the command where one cannot be read. */
export async function readObjects(paths: readonly string[]): Promise<SentObjects> {
  const named = paths.filter((path) => path !== "-");
  const sources: Source[] = named.length === 0 ? [] : [new DirectorySource(named)];
  if (paths.includes("-")) sources.push(new MemorySource({ "-": await readInput("-", "objects") }, "standard input"));
  const manifests: Manifest[] = [];
  const problems: Problem[] = [];
  for (const source of sources) {
    await using started = source;
    await started.start(({ files }) => {
      for (const file of files) {
        problems.push(...file.problems.filter(({ level }) => level === "error"));
        for (const manifest of file.manifests ?? []) manifests.push(manifest);
      }
    });
  }
  if (problems.length > 0) throw new CliError(ExitCode.Input, `nothing is applied:\n${problems.map(formatProblem).join("\n")}`);
  const places = new Map(manifests.map((manifest) => [fileOf(manifest), manifest]));
  return {
    text: manifests.map(textOf).join("...\n"),
    count: manifests.length,
    here(problem) {
      const manifest = places.get(problem.file);
      if (manifest === undefined) return problem;
      const { file, line, column } = manifest.place([]);
      const { source } = manifest;
      // What was sent in other words stands somewhere in that document.
      if (source === undefined || source.item !== undefined) return { ...problem, file, line, column };
      return { ...problem, file, line: source.line + problem.line - 1 };
    },
  };
}

/** As the API names the object. */
function fileOf(manifest: Manifest): string {
  const { kind, metadata } = (meshConfigOfConfigMap(manifest) ?? manifest).value;
  const { name, namespace = "default" } = typeof metadata === "object" && metadata !== null ? (metadata as Record<string, unknown>) : {};
  return `api/${String(kind)}/${String(namespace)}/${String(name)}.yaml`;
}

/** Of a document as it stands, so that lines are the same there. */
function textOf({ value, source }: Manifest): string {
  if (source === undefined || source.item !== undefined) return `${JSON.stringify(value)}\n`;
  return source.text.endsWith("\n") ? source.text : `${source.text}\n`;
}
