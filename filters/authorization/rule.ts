import { Text } from "../sdk";
import { Block, Dimension, Key } from "./condition";
import { RequestView } from "./request";

/** One entry of a policy's `rules`. */
@final
export class Rule {
  /** Any one of them must hold; none at all holds always. */
  readonly from: Block[] = [];
  readonly to: Block[] = [];
  readonly when: Block = new Block();
  /** Place among the rules of its action. */
  order: i32 = 0;

  constructor(
    /** `NAMESPACE/POLICY[INDEX]`, for the decision log. */
    readonly label: Text,
    /** `%RESPONSE_CODE_DETAILS%` of a denial by this rule. */
    readonly details: Text,
  ) {}

  matches(request: RequestView): bool {
    return anyHolds(this.to, request) && anyHolds(this.from, request) && this.when.holds(request);
  }

  /** Literals of which every matching request has one, or `null`. */
  keys(dimension: Dimension): Key[] | null {
    const ofWhen = this.when.keys(dimension);
    if (ofWhen != null) return ofWhen;
    const ofFrom = keysOf(this.from, dimension);
    return ofFrom != null ? ofFrom : keysOf(this.to, dimension);
  }
}

function anyHolds(blocks: Block[], request: RequestView): bool {
  if (blocks.length == 0) return true;
  for (let i = 0; i < blocks.length; i++) {
    if (unchecked(blocks[i]).holds(request)) return true;
  }
  return false;
}

function keysOf(blocks: Block[], dimension: Dimension): Key[] | null {
  if (blocks.length == 0) return null;
  const keys: Key[] = [];
  for (let i = 0; i < blocks.length; i++) {
    const ofBlock = blocks[i].keys(dimension);
    if (ofBlock == null) return null;
    for (let j = 0; j < ofBlock.length; j++) keys.push(ofBlock[j]);
  }
  return keys;
}
