import { Entries, MatchIndex } from "./match-index";
import { Match } from "./match";

/** One match block and the rule that it belongs to, in the order of the configuration. */
@final
export class Candidate<T> {
  // Made as an entry of the index, which has the same fields in the same places.
  private constructor(
    readonly order: i32,
    readonly match: Match,
    readonly rule: T,
  ) {}
}

/** What {@link RuleIndex.candidates} found. In the arena. */
@unmanaged
@final
export class Candidates<T> {
  /** The candidate of lowest order not yet given; `null` after the last. */
  @inline
  next(): Candidate<T> | null {
    return changetype<Candidate<T> | null>(changetype<Entries>(this).next());
  }
}

/**
 * The rules of a filter by their conditions. The first rule of the configuration that matches wins, wherever the index keeps it.
 *
 * `T` is a filter's rule, with a list `matches` of which one must hold; `R` is whatever a request looks like, as for {@link Match}. Only the types
 * are of this class: the index behind it is one for all, because a module of several filters would else hold its code once for each.
 */
@final
export class RuleIndex<T> {
  private readonly index: MatchIndex = new MatchIndex();

  add(rule: T): void {
    for (let i = 0; i < rule.matches.length; i++) this.index.add(rule.matches[i], changetype<Object>(rule));
  }

  /**
   * All candidates whose literal conditions `request` fulfils, in order: each must still be asked whether it matches. The blocks of one rule come one after the
   * other.
   */
  @inline
  candidates<R>(request: R): Candidates<T> {
    return changetype<Candidates<T>>(this.index.entries(request));
  }

  /** The first candidate that matches, or `null`. */
  @inline
  find<R>(request: R): Candidate<T> | null {
    return changetype<Candidate<T> | null>(this.index.find(request));
  }
}
