import { Bytes } from "../bytes";
import { JsonDocument, jsonErrorMessage } from "../json";
import { Problems } from "./problems";
import { ConfigValue } from "./value";

const MAX_SIZE: i32 = 1 << 20;
const MAX_DEPTH: i32 = 64;

/** The value whose text is read as a configuration of its own. */
let enclosing: ConfigValue | null = null;

/** One configuration while it is read: JSON of at most 1 MiB, 64 levels deep. Ends with the callback, as its values do. */
@final
export class Config {
  readonly problems: Problems;
  /** `null` where the document is not JSON. */
  readonly root: ConfigValue | null;

  /**
   * The text of `value`, which is a whole configuration for somebody else: what is read until {@link Config.leave} tells its problems by their paths and
   * places in the document of `value`.
   */
  static enter(value: ConfigValue): Bytes {
    enclosing = value;
    return value.source;
  }

  static leave(): void {
    enclosing = null;
  }

  constructor(source: Bytes) {
    const within = enclosing;
    const path = within != null ? within.path : "";
    const problems = within != null ? within.problemsWithin() : new Problems(source, 0);
    const document = JsonDocument.parse(source, MAX_SIZE, MAX_DEPTH);
    const json = document.root;
    this.problems = problems;
    if (json != null) {
      this.root = new ConfigValue(json, path, problems);
    } else {
      this.root = null;
      problems.add(path, source.length == 0 ? "no configuration" : "not JSON: " + jsonErrorMessage(document.error), document.offset);
    }
  }

  /** Every problem in one line, or `null` where there is none. */
  get problem(): string | null {
    return this.problems.empty ? null : this.problems.toString();
  }
}
