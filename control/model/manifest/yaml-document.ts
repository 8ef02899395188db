import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { isMapping } from "../fields/index.ts";
import { Limit } from "./limits.ts";
import { readPlainScalar } from "./plain-scalar.ts";

/** What is wrong with the text of a document. */
export interface TextProblem {
  /** Of the character in the document's text. */
  readonly offset: number;
  readonly message: string;
  /** `duplicate`: a key that stands there twice; `syntax`: everything else. */
  readonly reason: "syntax" | "duplicate";
}

export type YamlDocument = Document.Parsed;

/** Reads one document. Never throws. */
export function parseYaml(text: string): { readonly document: YamlDocument; readonly problems: readonly TextProblem[] } | TextProblem {
  try {
    // Scalars are left as text: `readPlainScalar` knows better. Of duplicate keys `toValue` tells, in linear time.
    const document = parseDocument(text, {
      schema: "failsafe",
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
      resolveKnownTags: false,
    });
    const problems: TextProblem[] = [];
    for (const { pos, message, code } of document.errors) {
      // What follows the first error of a line is mostly because of it.
      const [offset] = pos;
      const line = text.lastIndexOf("\n", offset - 1);
      if (problems.length < Limit.syntaxProblems && !problems.some((each) => text.lastIndexOf("\n", each.offset - 1) === line))
        problems.push({ offset, message: explain(code, message), reason: "syntax" });
    }
    return { document, problems };
  } catch (error) {
    // The stack of the parser ends at some thousand levels.
    const message = error instanceof RangeError ? `nested deeper than ${Limit.depth} levels` : `no YAML: ${String(error)}`;
    return { offset: 0, message, reason: "syntax" };
  }
}

function explain(code: string, message: string): string {
  if (message.startsWith("Maximum call stack")) return `nested deeper than ${Limit.depth} levels`;
  switch (code) {
    case "TAB_AS_INDENT":
      return "a tab indents this line; YAML wants spaces";
    case "BLOCK_AS_IMPLICIT_KEY":
      return "a mapping or list begins where only a text may stand; is the indentation right?";
    case "BAD_INDENT":
      return `${message.charAt(0).toLowerCase()}${message.slice(1)}; is a bracket missing?`;
    case "MULTIPLE_ANCHORS":
      return "two anchors on one value; keep one";
    default:
      return message.charAt(0).toLowerCase() + message.slice(1);
  }
}

/** The plain data of a document. */
export function toValue(document: YamlDocument): { readonly value: unknown; readonly problems: readonly TextProblem[] } {
  const reader = new ValueReader(document);
  return { value: reader.read(document.contents, 0), problems: reader.problems };
}

type Position = Node | Pair | null;

class ValueReader {
  readonly problems: TextProblem[] = [];
  readonly #document: YamlDocument;
  /** Aliases that are being followed: one that leads into itself has no end. */
  readonly #following = new Set<Node>();
  #aliased = 0;

  constructor(document: YamlDocument) {
    this.#document = document;
  }

  read(node: Position, depth: number): unknown {
    if (this.#following.size > 0 && ++this.#aliased > Limit.aliased) {
      if (this.#aliased === Limit.aliased + 1)
        this.#wrong(node, `aliases make more than ${Limit.aliased} values of this document; write fewer`);
      return null;
    }
    if (depth > Limit.depth) return this.#wrong(node, `nested deeper than ${Limit.depth} levels`);
    if (isScalar(node)) return this.#scalar(node);
    if (isMap(node)) return this.#mapping(node, depth);
    if (isSeq(node)) return this.#list(node, depth);
    if (isAlias(node)) return this.#alias(node, (target) => this.read(target, depth));
    return null;
  }

  #scalar(node: Scalar): unknown {
    const text = textOf(node);
    // The tags of YAML's own types; others say nothing to us.
    switch (/^(?:tag:yaml\.org,2002:|!!)(\w+)$/.exec(node.tag ?? "")?.[1]) {
      case "int":
      case "float":
      case "bool":
        return readPlainScalar(text);
      case "null":
        return null;
      case "binary":
        return Buffer.from(text, "base64").toString("utf8");
      default:
        return node.type === Scalar.PLAIN && node.tag === undefined ? readPlainScalar(text) : text;
    }
  }

  #list(node: YAMLSeq, depth: number): unknown[] {
    return node.items.map((item) => this.read(item as Position, depth + 1));
  }

  #mapping(node: YAMLMap, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const merged: Record<string, unknown>[] = [];
    for (const { key, value } of node.items as Pair<Node | null, Node | null>[]) {
      if (isMergeKey(key)) {
        merged.push(...this.#merge(value, depth));
        continue;
      }
      const name = this.#key(key);
      if (name === undefined) continue;
      if (Object.hasOwn(result, name)) this.#wrong(key, `the key "${name}" stands there twice; keep one`, "duplicate");
      else define(result, name, this.read(value, depth + 1));
    }
    // What the mapping has itself wins, then the first of the list (YAML 1.1, merge key).
    for (const each of merged)
      for (const [name, value] of Object.entries(each)) if (!Object.hasOwn(result, name)) define(result, name, value);
    return result;
  }

  #merge(value: Node | null, depth: number): Record<string, unknown>[] {
    const sources = isSeq(value) ? (value.items as (Node | null)[]) : [value];
    return sources.flatMap((source): Record<string, unknown>[] => {
      const read = this.read(source, depth + 1);
      if (isMapping(read)) return [read];
      this.#wrong(source ?? value, "<< takes a mapping, or a list of mappings");
      return [];
    });
  }

  /** Keys of JSON are text. */
  #key(key: Node | null): string | undefined {
    if (isAlias(key)) return this.#alias(key, (target) => this.#key(target));
    if (!isScalar(key)) {
      const hint = isMap(key) ? "; a template has to be rendered first" : "";
      return this.#wrong(key, `a mapping or list cannot be a key${hint}`);
    }
    const text = textOf(key);
    if (key.type !== Scalar.PLAIN || key.tag !== undefined) return text;
    const read = readPlainScalar(text);
    if (typeof read === "string" || String(read) === text) return text;
    return this.#wrong(key, `the key ${text === "" ? "is empty" : `${text} is read as ${String(read)}`}; quote it: "${text}"`);
  }

  #alias<T>(alias: Alias, follow: (target: Node) => T): T | undefined {
    const target = alias.resolve(this.#document) as Node | undefined;
    if (target === undefined) return this.#wrong(alias, `there is no anchor &${alias.source} before this alias`);
    if (this.#following.has(target)) return this.#wrong(alias, `the alias *${alias.source} leads into itself`);
    this.#following.add(target);
    try {
      return follow(target);
    } finally {
      this.#following.delete(target);
    }
  }

  #wrong(node: Position, message: string, reason: TextProblem["reason"] = "syntax"): undefined {
    if (this.problems.length < Limit.problems) this.problems.push({ offset: offsetOf(node), message, reason });
    return undefined;
  }
}

/** Of a scalar: with the schema "failsafe" all values are text. */
function textOf({ value }: Scalar): string {
  return typeof value === "string" ? value : "";
}

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.type === Scalar.PLAIN && key.value === "<<" && key.tag === undefined;
}

/** Own properties only: `__proto__` is a key like any other. */
function define(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__") Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  else target[name] = value;
}

export function offsetOf(node: unknown): number {
  if (typeof node !== "object" || node === null) return 0;
  if ("range" in node && Array.isArray(node.range)) return Number(node.range[0]);
  return "key" in node ? offsetOf(node.key) : 0;
}

/** The offset of a field; of one that is not there, of its nearest parent. */
export function findOffset(document: YamlDocument, path: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const step of path) {
    const found = findStep(resolve(node, document), step, document);
    if (found === undefined) return offset;
    offset = offsetOf(found.key ?? found.value);
    node = found.value;
  }
  return offset;
}

interface Found {
  readonly key: unknown;
  readonly value: unknown;
}

function findStep(node: unknown, step: string | number, document: YamlDocument): Found | undefined {
  if (isSeq(node)) return typeof step === "number" && step < node.items.length ? { key: undefined, value: node.items[step] } : undefined;
  if (!isMap(node)) return undefined;
  for (const { key, value } of node.items) {
    const name = resolve(key, document);
    if (isScalar(name) && textOf(name) === String(step)) return { key, value };
  }
  for (const { key, value } of node.items as Pair<Node | null>[]) {
    if (!isMergeKey(key)) continue;
    const source = resolve(value, document);
    for (const each of isSeq(source) ? source.items : [source]) {
      const found = findStep(resolve(each, document), step, document);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function resolve(node: unknown, document: YamlDocument): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}
