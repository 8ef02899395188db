import { EscapedSlashes } from "../lib/url";
import { Provider } from "./provider";
import { RuleIndex } from "./rule-index";

/** What Istio's `meshConfig.pathNormalization` says that Envoy does with a path before filters see it. */
export const enum PathNormalization {
  None,
  /** `normalize_path`. */
  Base,
  /** Also `merge_slashes`. */
  MergeSlashes,
  /** Also `path_with_escaped_slashes_action`. */
  DecodeAndMergeSlashes,
}

/** A configuration, compiled: the rules of each action, in the order in which Istio asks them. */
@final
export class Policies {
  readonly custom: RuleIndex = new RuleIndex();
  /** Whom the CUSTOM policies ask. */
  provider: Provider | null = null;
  readonly deny: RuleIndex = new RuleIndex();
  readonly allow: RuleIndex = new RuleIndex();
  readonly audit: RuleIndex = new RuleIndex();
  readonly shadowDeny: RuleIndex = new RuleIndex();
  readonly shadowAllow: RuleIndex = new RuleIndex();
  /** ALLOW policies, also those without rules: where there is one, what no rule matches is denied. */
  allowPolicies: i32 = 0;
  shadowAllowPolicies: i32 = 0;
  /** Whether there are such rules: told here, so that requests need not look at the indexes of those that there are not. */
  hasCustom: bool = false;
  hasDeny: bool = false;
  hasAudit: bool = false;
  hasShadow: bool = false;
  /** Whether a rule looks at paths. */
  looksAtPath: bool = false;
  pathNormalization: PathNormalization = PathNormalization.Base;
  trustedHops: i32 = 0;

  build(): void {
    this.custom.build();
    this.deny.build();
    this.allow.build();
    this.audit.build();
    this.shadowDeny.build();
    this.shadowAllow.build();
    this.hasCustom = this.custom.size > 0;
    this.hasDeny = this.deny.size > 0;
    this.hasAudit = this.audit.size > 0;
    this.hasShadow = this.shadowDeny.size > 0 || this.shadowAllowPolicies > 0;
  }

  get mergesSlashes(): bool {
    return this.pathNormalization >= PathNormalization.MergeSlashes;
  }

  get escapedSlashes(): EscapedSlashes {
    return this.pathNormalization == PathNormalization.DecodeAndMergeSlashes ? EscapedSlashes.Unescape : EscapedSlashes.Keep;
  }
}
