import { Text } from "../sdk";
import { RequestView } from "./request";

/** What rules have in common, and are indexed by. */
export const enum Dimension {
  Principal,
  /** Namespace or service account of the peer. */
  Workload,
  Path,
  Host,
  Method,
}

export const DIMENSIONS: i32 = 5;

/** In which table of the index a {@link Key} stands. */
export const enum KeyKind {
  Principal,
  Namespace,
  ServiceAccount,
  Path,
  PathPrefix,
  Host,
  Method,
}

/** A literal that a request must have for a condition to hold. */
@final
export class Key {
  constructor(
    readonly kind: KeyKind,
    readonly text: Text,
  ) {}
}

/** One field of a rule, such as `paths` or `notPaths`: some values, one of which must be found, or none of which may be. */
export abstract class Condition {
  constructor(readonly negated: bool) {}

  holds(request: RequestView): bool {
    return this.found(request) != this.negated;
  }

  /** Whether one of the values is found. A request that lacks what the field is about has none of them. */
  abstract found(request: RequestView): bool;

  /** The {@link Dimension} of {@link keys}; -1 where the condition has no part in the index. */
  get dimension(): i32 {
    return -1;
  }

  /** Literals of which a request has one wherever this condition holds, or `null` where a value is no literal. */
  keys(): Key[] | null {
    return null;
  }
}

/** An entry of `from` or `to`, or the whole of `when`: conditions that must all hold. */
@final
export class Block {
  readonly conditions: Condition[] = [];

  add(condition: Condition): void {
    this.conditions.push(condition);
  }

  holds(request: RequestView): bool {
    const conditions = this.conditions;
    for (let i = 0; i < conditions.length; i++) {
      if (!unchecked(conditions[i]).holds(request)) return false;
    }
    return true;
  }

  /** The keys of its condition in `dimension`, or `null`. */
  keys(dimension: Dimension): Key[] | null {
    for (let i = 0; i < this.conditions.length; i++) {
      const condition = this.conditions[i];
      if (condition.negated || condition.dimension != <i32>dimension) continue;
      const keys = condition.keys();
      if (keys != null) return keys;
    }
    return null;
  }
}
