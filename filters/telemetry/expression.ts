import { formatInteger } from "../lib/number";
import { arena, Bytes, Property, Text } from "../sdk";

const TRUE = Bytes.of("true");
const FALSE = Bytes.of("false");

export const enum AttributeType {
  Text,
  Integer,
  Bool,
}

/**
 * The value of a tag: a small part of CEL, evaluated at the end of a request. A tree that is built with the configuration; evaluating it makes
 * nothing but views and bytes in the arena. `null` where an attribute is not there, as an error in CEL: the whole value is then unknown.
 */
export abstract class Expression {
  abstract evaluate(): Bytes | null;

  /** Whether it is true or false, so that it can be a condition. */
  get isCondition(): bool {
    return false;
  }

  /** For {@link isCondition}: 1, 0, or -1 where an attribute is not there. */
  test(): i32 {
    const value = this.evaluate();
    return value == null ? -1 : value.equals(TRUE) ? 1 : 0;
  }
}


@final
export class Literal extends Expression {
  constructor(
    readonly text: Text,
    private readonly bool: bool = false,
  ) {
    super();
  }

  evaluate(): Bytes | null {
    return this.text.bytes;
  }

  get isCondition(): bool {
    return this.bool;
  }
}

/** An attribute of Envoy, by its path. Repeated header values come joined by commas. */
@final
export class Attribute extends Expression {
  private readonly property: Property;

  constructor(
    path: string[],
    private readonly attributeType: AttributeType,
  ) {
    super();
    this.property = Property.of(path);
  }

  evaluate(): Bytes | null {
    const value = this.property.get();
    if (value == null || this.attributeType == AttributeType.Text) return value;
    if (this.attributeType == AttributeType.Bool) return value.length == 1 && value[0] != 0 ? TRUE : FALSE;
    return value.length == 8 ? formatInteger(load<i64>(value.pointer)) : null;
  }

  get isCondition(): bool {
    return this.attributeType == AttributeType.Bool;
  }
}

/** What is true or false. */
abstract class Condition extends Expression {
  evaluate(): Bytes | null {
    const result = this.test();
    return result < 0 ? null : result != 0 ? TRUE : FALSE;
  }

  get isCondition(): bool {
    return true;
  }
}

/** `has(a.b)`, `'b' in a`: whether an attribute is there. */
@final
export class Has extends Condition {
  private readonly property: Property;

  constructor(path: string[]) {
    super();
    this.property = Property.of(path);
  }

  test(): i32 {
    return this.property.get() != null ? 1 : 0;
  }
}

export const enum Comparison {
  Equals,
  Differs,
  StartsWith,
  EndsWith,
  Contains,
}


@final
export class Compare extends Condition {
  constructor(
    private readonly comparison: Comparison,
    private readonly left: Expression,
    private readonly right: Expression,
  ) {
    super();
  }

  test(): i32 {
    const left = this.left.evaluate();
    const right = this.right.evaluate();
    if (left == null || right == null) return -1;
    switch (this.comparison) {
      case Comparison.Equals:
        return left.equals(right) ? 1 : 0;
      case Comparison.Differs:
        return left.equals(right) ? 0 : 1;
      case Comparison.StartsWith:
        return left.startsWith(right) ? 1 : 0;
      case Comparison.EndsWith:
        return left.endsWith(right) ? 1 : 0;
      default:
        return left.contains(right) ? 1 : 0;
    }
  }
}


@final
export class Not extends Condition {
  constructor(private readonly operand: Expression) {
    super();
  }

  test(): i32 {
    const result = this.operand.test();
    return result < 0 ? -1 : 1 - result;
  }
}

/** `&&` and `||`, which in CEL are decided by either side: an attribute that is not there matters only where the other side leaves it open. */
@final
export class Combine extends Condition {
  constructor(
    private readonly any: bool,
    private readonly left: Expression,
    private readonly right: Expression,
  ) {
    super();
  }

  test(): i32 {
    const deciding = this.any ? 1 : 0;
    const left = this.left.test();
    if (left == deciding) return deciding;
    const right = this.right.test();
    if (right == deciding) return deciding;
    return left < 0 || right < 0 ? -1 : 1 - deciding;
  }
}

/** `condition ? one : other`. */
@final
export class Choose extends Expression {
  constructor(
    private readonly condition: Expression,
    private readonly one: Expression,
    private readonly other: Expression,
  ) {
    super();
  }

  evaluate(): Bytes | null {
    const result = this.condition.test();
    return result < 0 ? null : result != 0 ? this.one.evaluate() : this.other.evaluate();
  }

  get isCondition(): bool {
    return this.one.isCondition && this.other.isCondition;
  }
}

/** `a + b` of texts. */
@final
export class Join extends Expression {
  constructor(
    private readonly left: Expression,
    private readonly right: Expression,
  ) {
    super();
  }

  evaluate(): Bytes | null {
    const left = this.left.evaluate();
    const right = this.right.evaluate();
    if (left == null || right == null) return null;
    const length = left.length + right.length;
    const joined = arena.allocate(<usize>length);
    memory.copy(joined, left.pointer, <usize>left.length);
    memory.copy(joined + <usize>left.length, right.pointer, <usize>right.length);
    return Bytes.view(joined, length);
  }
}
