/** What a node of a parsed expression is. */
export const enum NodeKind {
  Empty,
  /** A set of code points; a literal is a set of one. */
  Set,
  Concat,
  Alternate,
  Repeat,
  Capture,
  Assertion,
}

export const enum Assertion {
  BeginText,
  EndText,
  BeginLine,
  EndLine,
  WordBoundary,
  NoWordBoundary,
}

/** A parsed expression, a tree. Managed; gone when the program is compiled. */
@final
export class Node {
  children: Node[] = [];
  /** Pairs of first and last code point, sorted, apart from each other. */
  ranges: u32[] = [];
  /** Of a repetition. */
  least: i32 = 0;
  /** -1: without end. */
  most: i32 = 0;
  lazy: bool = false;
  /** Number of a capture, or the assertion. */
  index: i32 = 0;

  constructor(readonly kind: NodeKind) {}

  static set(ranges: u32[]): Node {
    const node = new Node(NodeKind.Set);
    node.ranges = ranges;
    return node;
  }

  static of(kind: NodeKind, children: Node[]): Node {
    const node = new Node(kind);
    node.children = children;
    return node;
  }

  static assertion(assertion: Assertion): Node {
    const node = new Node(NodeKind.Assertion);
    node.index = assertion;
    return node;
  }

  /** Whether this can match nothing. */
  canBeEmpty(): bool {
    switch (this.kind) {
      case NodeKind.Set:
        return false;
      case NodeKind.Repeat:
        return this.least == 0 || this.children[0].canBeEmpty();
      case NodeKind.Alternate:
        for (let i = 0; i < this.children.length; i++) {
          if (this.children[i].canBeEmpty()) return true;
        }
        return false;
      default:
        for (let i = 0; i < this.children.length; i++) {
          if (!this.children[i].canBeEmpty()) return false;
        }
        return true;
    }
  }
}
