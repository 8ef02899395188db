import { isMapping } from "../fields/index.ts";
import type { Manifest, ManifestSource } from "../manifest.ts";
import type { FieldPath, Place } from "../place.ts";
import { Code, type Problem } from "../problem.ts";
import { type DocumentText, splitDocuments } from "./documents.ts";
import { Limit } from "./limits.ts";
import { readSimpleYaml } from "./simple-yaml.ts";
import { findOffset, parseYaml, type TextProblem, toValue, type YamlDocument } from "./yaml-document.ts";

/** What stands in a file. */
export interface ManifestsRead {
  readonly manifests: readonly TextManifest[];
  readonly problems: readonly Problem[];
  /** True where a document, or the whole file, could not be read. */
  readonly broken: boolean;
}

/** A manifest of a file. */
export interface TextManifest extends Manifest {
  readonly source: ManifestSource;
  /** Says where the same text stands now. */
  moveTo(document: DocumentText): void;
}

/**
 * Reads a file of YAML or JSON: its documents, and what `List`s hold. What is wrong with one document does not stop the others.
 *
 * @param before what was read of the file the last time; of a document with the same text the same manifest is returned again
 */
export function readManifests(file: string, content: Uint8Array | string, before?: ManifestsRead): ManifestsRead {
  const stream = typeof content === "string" ? content : decode(content);
  if (typeof stream !== "string") return broken(file, "", stream);
  const withoutMark = stream.startsWith("\uFEFF") ? stream.slice(1) : stream;
  const control = CONTROL.exec(withoutMark);
  if (control !== null)
    return broken(file, withoutMark, {
      offset: control.index,
      message: `the control character ${name(control[0])} cannot stand in YAML`,
      reason: "syntax",
    });
  const known = byText((before?.manifests ?? []) as readonly DocumentManifest[]);
  const manifests: DocumentManifest[] = [];
  const problems: Problem[] = [];
  let whole = true;
  for (const document of splitDocuments(withoutMark)) {
    const same = known.get(document.text)?.shift();
    if (same !== undefined) {
      for (const manifest of same) {
        manifest.moveTo(document);
        manifests.push(manifest);
      }
      continue;
    }
    const read = readDocument(file, document);
    // A list may hold more than a call takes arguments.
    for (const manifest of read.manifests) manifests.push(manifest);
    problems.push(...read.problems);
    whole &&= !read.broken;
  }
  return { manifests, problems, broken: !whole };
}

/** What each text was read as, once for every time that it stands there. */
function byText(manifests: readonly DocumentManifest[]): Map<string, DocumentManifest[][]> {
  const found = new Map<string, DocumentManifest[][]>();
  let document: DocumentManifest[] = [];
  for (const manifest of manifests) {
    const { text, line } = manifest.source;
    if (document[0]?.source.line === line) {
      document.push(manifest);
      continue;
    }
    document = [manifest];
    const same = found.get(text);
    if (same === undefined) found.set(text, [document]);
    else same.push(document);
  }
  return found;
}

// Tab, LF and CR aside; NEL is a character like others.
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/;

function name(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function decode(content: Uint8Array): string | TextProblem {
  if (content.length > Limit.file)
    return { offset: 0, message: `the file has ${content.length} bytes; ${Limit.file} are read. Make several of it`, reason: "syntax" };
  if ((content[0] === 0xff && content[1] === 0xfe) || (content[0] === 0xfe && content[1] === 0xff))
    return { offset: 0, message: "the file is UTF-16; save it as UTF-8", reason: "syntax" };
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return { offset: 0, message: "the file is not UTF-8", reason: "syntax" };
  }
}

function broken(file: string, text: string, problem: TextProblem): ManifestsRead {
  return { manifests: [], problems: [toProblem(problem, { file, line: 1, text, item: undefined })], broken: true };
}

function readDocument(file: string, { text, line }: DocumentText): { manifests: DocumentManifest[]; problems: Problem[]; broken: boolean } {
  const source: ManifestSource = { file, line, text, item: undefined };
  const refuse = (problems: readonly TextProblem[]) => ({
    manifests: [],
    problems: problems.map((problem) => toProblem(problem, source)),
    broken: true,
  });
  if (text.length > Limit.document)
    return refuse([{ offset: 0, message: `the document has ${text.length} characters; ${Limit.document} are read`, reason: "syntax" }]);
  const simple = readSimpleYaml(text);
  if (simple === null) return { manifests: [], problems: [], broken: false };
  if (isMapping(simple)) return { manifests: manifestsOf(simple, source, []), problems: [], broken: false };
  const parsed = parseYaml(text);
  if ("message" in parsed) return refuse([parsed]);
  if (parsed.problems.length > 0) return refuse(parsed.problems);
  const { value, problems } = toValue(parsed.document);
  if (value === null || value === undefined) return problems.length > 0 ? refuse(problems) : { manifests: [], problems: [], broken: false };
  if (typeof value !== "object" || Array.isArray(value)) {
    const found = Array.isArray(value) ? "a list" : "a text";
    return refuse([
      { offset: findOffset(parsed.document, []), message: `expected a mapping with apiVersion and kind, found ${found}`, reason: "syntax" },
    ]);
  }
  return { manifests: manifestsOf(value as Record<string, unknown>, source, problems), problems: [], broken: false };
}

/** A `List` of Kubernetes stands for what it holds. */
function manifestsOf(value: Record<string, unknown>, source: ManifestSource, problems: readonly TextProblem[]): DocumentManifest[] {
  if (value["kind"] !== "List" || value["apiVersion"] !== "v1" || !Array.isArray(value["items"]))
    return [new DocumentManifest(value, source, problems)];
  return value["items"].map((item: unknown, index) => new DocumentManifest(item, { ...source, item: index }, index === 0 ? problems : []));
}

class DocumentManifest implements TextManifest {
  readonly value: Readonly<Record<string, unknown>>;
  source: ManifestSource;
  readonly #problems: readonly TextProblem[];

  constructor(value: unknown, source: ManifestSource, problems: readonly TextProblem[]) {
    this.value = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
    this.source = source;
    this.#problems = problems;
  }

  get problems(): readonly Problem[] {
    return this.#problems.map((problem) => toProblem(problem, this.source));
  }

  // The text is taken anew although it is the same: a slice of a file keeps all of that file in memory.
  moveTo({ text, line }: DocumentText): void {
    this.source = { ...this.source, text, line };
  }

  place(path: FieldPath): Place {
    const { text, item } = this.source;
    const whole = item === undefined ? path : ["items", item, ...path];
    if (whole.length === 0) return placeAt(this.source, firstContent(text));
    const document = parseAgain(text);
    return placeAt(this.source, document === undefined ? firstContent(text) : findOffset(document, whole));
  }
}

/** Of the first line that says something. */
function firstContent(text: string): number {
  return /^(?:(?:---)?[ \t]*(?:#.*)?\r?\n|%.*\n)*(?:---[ \t]+)?/.exec(text)?.[0].length ?? 0;
}

function toProblem({ offset, message, reason }: TextProblem, source: ManifestSource): Problem {
  const code = reason === "duplicate" ? Code.Duplicate : Code.Syntax;
  return { ...placeAt(source, offset), level: "error", code, path: [], message };
}

function placeAt({ file, line, text }: ManifestSource, offset: number): Place {
  let lines = 0;
  let start = 0;
  for (let next = text.indexOf("\n"); next >= 0 && next < offset; next = text.indexOf("\n", next + 1)) {
    lines++;
    start = next + 1;
  }
  return { file, line: line + lines, column: offset - start + 1 };
}

// Places are asked for where there is a problem, mostly several of one document. Positions cost more than all that is kept else, so they are found again.
let last: { readonly text: string; readonly document: YamlDocument } | undefined;

function parseAgain(text: string): YamlDocument | undefined {
  if (last?.text === text) return last.document;
  const parsed = parseYaml(text);
  if ("message" in parsed) return undefined;
  last = { text, document: parsed.document };
  return parsed.document;
}
