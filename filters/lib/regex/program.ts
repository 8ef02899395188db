import { MAX_PROGRAM } from "./limits";
import { Assertion, Node, NodeKind } from "./node";
import { addUtf8 } from "./utf8";

export const enum Op {
  /** One byte from `low` to `high`, then `out`. */
  Byte,
  /** `out` before `other`. */
  Split,
  /** Sets capture position `index`, then `out`. */
  Capture,
  /** Holds between two bytes, then `out`. */
  Assert,
  /** Then `out`. */
  Jump,
  Match,
}

/**
 * A program over bytes: Thompson's construction, with code points as sequences of byte ranges. Instructions are parallel arrays, which a
 * match reads without touching an object.
 */
@final
export class Program {
  readonly ops: u8[] = [];
  readonly low: u8[] = [];
  readonly high: u8[] = [];
  readonly out: u16[] = [];
  /** The second way of a split; the index of a capture or an assertion. */
  readonly other: u16[] = [];
  start: u16 = 0;
  /** Whether a match must look at the bytes around a position, beyond the ends of the text. */
  looksAround: bool = false;
  tooLarge: bool = false;

  get size(): i32 {
    return this.ops.length;
  }

  /** Compiles `node` between capture positions 0 and 1. */
  static compile(node: Node): Program {
    const program = new Program();
    const match = program.emit(Op.Match, 0, 0, 0, 0);
    const close = program.emit(Op.Capture, 0, 0, match, 1);
    const content = program.compileNode(node, close);
    program.start = program.emit(Op.Capture, 0, 0, content, 0);
    return program;
  }

  emit(op: Op, low: u8, high: u8, out: u16, other: u16): u16 {
    if (this.ops.length >= MAX_PROGRAM) {
      this.tooLarge = true;
      return 0;
    }
    this.ops.push(<u8>op);
    this.low.push(low);
    this.high.push(high);
    this.out.push(out);
    this.other.push(other);
    return <u16>(this.ops.length - 1);
  }

  /** Compiles back to front: the instructions of `node`, going on to `next`. Returns the first. */
  private compileNode(node: Node, next: u16): u16 {
    if (this.tooLarge) return 0;
    switch (node.kind) {
      case NodeKind.Set:
        return addUtf8(this, node.ranges, next);
      case NodeKind.Concat: {
        let entry = next;
        for (let i = node.children.length - 1; i >= 0; i--) entry = this.compileNode(node.children[i], entry);
        return entry;
      }
      case NodeKind.Alternate: {
        let entry = this.compileNode(node.children[node.children.length - 1], next);
        for (let i = node.children.length - 2; i >= 0; i--) {
          entry = this.emit(Op.Split, 0, 0, this.compileNode(node.children[i], next), entry);
        }
        return entry;
      }
      case NodeKind.Repeat:
        return this.compileRepeat(node, next);
      case NodeKind.Capture: {
        const close = this.emit(Op.Capture, 0, 0, next, <u16>(node.index * 2 + 1));
        return this.emit(Op.Capture, 0, 0, this.compileNode(node.children[0], close), <u16>(node.index * 2));
      }
      case NodeKind.Assertion:
        if (node.index != Assertion.BeginText && node.index != Assertion.EndText) this.looksAround = true;
        return this.emit(Op.Assert, 0, 0, next, <u16>node.index);
      default:
        return next;
    }
  }

  private compileRepeat(node: Node, next: u16): u16 {
    const content = node.children[0];
    let entry = next;
    if (node.most < 0) {
      // x* loops through a split; x+ and x{n,} put copies in front.
      const split = this.emit(Op.Split, 0, 0, 0, 0);
      const body = this.compileNode(content, split);
      if (this.tooLarge) return 0;
      this.aim(split, body, next, node.lazy);
      entry = split;
      if (node.least > 0) {
        entry = body;
        for (let i = 1; i < node.least && !this.tooLarge; i++) entry = this.compileNode(content, entry);
      } else if (content.canBeEmpty()) {
        // (|a)* prefers what (|a)+ prefers, as in RE2 and Go: the loop comes behind its first round, (x+)?.
        const first = this.emit(Op.Split, 0, 0, 0, 0);
        if (this.tooLarge) return 0;
        this.aim(first, body, next, node.lazy);
        entry = first;
      }
      return entry;
    }
    for (let i = node.least; i < node.most && !this.tooLarge; i++) {
      const body = this.compileNode(content, entry);
      const split = this.emit(Op.Split, 0, 0, 0, 0);
      if (this.tooLarge) return 0;
      this.aim(split, body, next, node.lazy);
      entry = split;
    }
    for (let i = 0; i < node.least && !this.tooLarge; i++) entry = this.compileNode(content, entry);
    return entry;
  }

  private aim(split: u16, body: u16, next: u16, lazy: bool): void {
    this.out[split] = lazy ? next : body;
    this.other[split] = lazy ? body : next;
  }
}
