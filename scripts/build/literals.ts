// A transform of asc: string literals are kept as one byte a character, in one piece, and become strings where they are evaluated. As asc has it each would
// be an object of two bytes a character behind twenty of header: a tenth of a module that has many messages. Literals are evaluated
// while a module starts and reads its configuration; the request path works on bytes.

import * as assemblyscript from "assemblyscript/dist/assemblyscript.js";
import { Transform } from "assemblyscript/dist/transform.js";

/** A node of asc's syntax tree, as far as it is looked at. */
interface SyntaxNode {
  readonly kind: number;
  readonly range: object;
  readonly literalKind?: number;
  readonly value?: unknown;
  readonly elementExpressions?: readonly SyntaxNode[];
  readonly decorators?: readonly unknown[] | null;
  readonly expression?: { readonly text?: string };
}

interface Parser {
  readonly sources: ReadonlyArray<{ readonly sourceKind: number; readonly statements: object }>;
  parseFile(text: string, path: string, isEntry: boolean): void;
}

/** Its declarations are `const enum`s, of which a module whose types were stripped cannot read; the objects are there. */
interface Compiler {
  readonly LiteralKind: Record<"String" | "Array", number>;
  readonly NodeKind: Record<"Literal" | "Import" | "Export" | "Call" | "VariableDeclaration", number>;
  readonly SourceKind: Record<"Library" | "LibraryEntry", number>;
  readonly Node: {
    createIntegerLiteralExpression(value: unknown, range: object): SyntaxNode;
    createIdentifierExpression(text: string, range: object): SyntaxNode;
    createCallExpression(expression: SyntaxNode, types: null, parameters: SyntaxNode[], range: object): SyntaxNode;
  };
}

const { LiteralKind, Node, NodeKind, SourceKind } = assemblyscript as unknown as Compiler;
const POOL = "~lib/literals.ts";

export default class Literals extends Transform {
  afterParse(parser: Parser): void {
    const pool = new Pool();
    for (const source of parser.sources) {
      const ours = source.sourceKind !== SourceKind.Library && source.sourceKind !== SourceKind.LibraryEntry;
      if (ours) replaceIn(source.statements, pool);
    }
    if (pool.text === "") return;
    const bytes = [...Buffer.from(pool.text, "latin1")].join(",");
    parser.parseFile(
      `const POOL: usize = memory.data<u8>([${bytes}]);
      @global function __literal(offset: i32, length: i32): string {
        const text = changetype<string>(__new(<usize>length << 1, idof<string>()));
        for (let i = 0; i < length; i++) store<u16>(changetype<usize>(text) + (<usize>i << 1), load<u8>(POOL + <usize>(offset + i)));
        return text;
      }
      @global function __literals(offset: i32, length: i32): string[] {
        const texts: string[] = [];
        for (let i = 0, begun = 0; i < length; i++) {
          if (load<u8>(POOL + <usize>(offset + i)) != 0) continue;
          texts.push(__literal(offset + begun, i - begun));
          begun = i + 1;
        }
        return texts;
      }`,
      POOL,
      false,
    );
  }
}

/** The characters of all literals; one that stands in another takes no room. */
class Pool {
  text = "";

  offsetOf(literal: string): number {
    const found = this.text.indexOf(literal);
    if (found >= 0) return found;
    this.text += literal;
    return this.text.length - literal.length;
  }
}

/** Replaces the literals below `parent`, a node or a list of nodes. */
function replaceIn(parent: object, pool: Pool): void {
  const members = parent as Record<string, unknown>;
  // Not `Object.entries`: there are a million members, and nearly all are no nodes.
  for (const key in members) {
    const member = members[key];
    if (typeof member !== "object" || member === null || key === "range" || key === "decorators") continue;
    if (Array.isArray(member)) {
      replaceIn(member, pool);
    } else if ("kind" in member && "range" in member) {
      const node = member as SyntaxNode;
      const list = listOf(node);
      const text = list ?? literalOf(node);
      const made = list === undefined ? "__literal" : "__literals";
      if (text !== undefined) members[key] = evaluation(made, pool.offsetOf(text), text.length, node.range);
      else if (!isConstant(node)) replaceIn(node, pool);
    }
  }
}

const LATIN_1 = /^[\0-\xff]*$/;

/** The text of a literal that can be kept as Latin-1. */
function literalOf({ kind, literalKind, value }: SyntaxNode): string | undefined {
  if (kind !== NodeKind.Literal || literalKind !== LiteralKind.String || typeof value !== "string" || value === "") return undefined;
  return LATIN_1.test(value) ? value : undefined;
}

/** The texts of a list of literals, each with a NUL behind it. */
function listOf({ kind, literalKind, elementExpressions = [] }: SyntaxNode): string | undefined {
  if (kind !== NodeKind.Literal || literalKind !== LiteralKind.Array || elementExpressions.length < 2) return undefined;
  const texts = elementExpressions.map(literalOf);
  return texts.every((text) => text !== undefined && !text.includes("\0")) ? texts.map((text) => `${text}\0`).join("") : undefined;
}

/** What the compiler itself wants to know: a module's name, a field's for `offsetof`, a value that is put in where it is used. */
function isConstant({ kind, expression, decorators }: SyntaxNode): boolean {
  if (kind === NodeKind.Import || kind === NodeKind.Export) return true;
  if (kind === NodeKind.Call && expression?.text === "offsetof") return true;
  return kind === NodeKind.VariableDeclaration && decorators !== undefined && decorators !== null;
}

function evaluation(made: string, offset: number, length: number, range: object): SyntaxNode {
  const integer = (value: number) => Node.createIntegerLiteralExpression(globalThis.i64_new(value), range);
  return Node.createCallExpression(Node.createIdentifierExpression(made, range), null, [integer(offset), integer(length)], range);
}

declare global {
  /** asc's 64-bit integers. */
  function i64_new(low: number, high?: number): unknown;
}
