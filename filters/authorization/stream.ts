import { canonicalPath } from "../lib/url";
import { canonicalPath } from "../lib/url";
import { arena, Bytes, DecisionResult, HeaderMap, HeadersAction, logDecision, requestHeaders, setFilterState, Text } from "../sdk";
import { CustomStream } from "./custom-stream";
import { PathNormalization, Policies } from "./policies";
import { RequestView } from "./request";
import { AuthorizationRoot } from "./root";
import { Rule } from "./rule";

const FILTER = Bytes.of("authorization");
const NO_RULE = Text.of("");
/** Envoy's own words for a request that native RBAC denies. */
const BODY = Bytes.of("RBAC: access denied");
const FORBIDDEN: u32 = 403;

const DENY_MATCHED = Text.of("DENY policy matched");
const ALLOW_MATCHED = Bytes.of("ALLOW policy matched");
const AUDIT_MATCHED = Bytes.of("AUDIT policy matched");
const NO_ALLOW_POLICY = Bytes.of("no ALLOW policy");
const NO_ALLOW_MATCHED = Text.of("no ALLOW policy matched");
const NO_ALLOW_MATCHED_DETAILS = Bytes.of("authorization_denied_no_allow_policy_matched");
const DENIED = Bytes.of("authorization_denied_");
const PATH_NOT_NORMALIZED = Text.of("path_not_normalized");
/** Filter state for access logs: `%FILTER_STATE(wasm.meshwright.audit:PLAIN)%`. */
const AUDIT_STATE = Bytes.of("meshwright.audit");


@final
export class AuthorizationStream extends CustomStream {
  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const root = changetype<AuthorizationRoot>(this.root);
    const policies = root.policies;
    const request = RequestView.of(headers, policies.trustedHops);
    if (policies.looksAtPath && !isNormalized(request, policies)) return this.denyUndecodable(root, PATH_NOT_NORMALIZED);
    if (policies.hasCustom) {
      const rule = policies.custom.find(request);
      const problem = request.problem;
      if (problem != null) return this.denyUndecodable(root, problem);
      if (rule != null) return this.ask(rule, request, endOfStream);
    }
    return this.judge(root, policies, request);
  }

  decide(): HeadersAction {
    const root = changetype<AuthorizationRoot>(this.root);
    const policies = root.policies;
    const request = RequestView.of(requestHeaders, policies.trustedHops);
    // The provider may have changed the path.
    if (policies.looksAtPath && !isNormalized(request, policies)) return this.denyUndecodable(root, PATH_NOT_NORMALIZED);
    return this.judge(root, policies, request);
  }

  /** DENY, then ALLOW; AUDIT and dry runs only leave a mark. */
  private judge(root: AuthorizationRoot, policies: Policies, request: RequestView): HeadersAction {
    if (policies.hasAudit) this.audit(root, policies, request);
    if (policies.hasShadow) this.shadow(root, policies, request);
    // A mark that cannot be set for want of a value is no reason to deny.
    request.problem = null;

    const denying = policies.hasDeny ? policies.deny.find(request) : null;
    if (denying != null) return this.deny(root, denying.label, DENY_MATCHED, denying.details.bytes);
    let allowing: Rule | null = null;
    if (policies.allowPolicies > 0 && request.problem == null) allowing = policies.allow.find(request);
    const problem = request.problem;
    if (problem != null) return this.denyUndecodable(root, problem);
    if (policies.allowPolicies > 0 && allowing == null) {
      return this.deny(root, NO_RULE, NO_ALLOW_MATCHED, NO_ALLOW_MATCHED_DETAILS);
    }
    root.allowed.increment();
    if (allowing != null) logDecision(FILTER, allowing.label.bytes, DecisionResult.Allow, ALLOW_MATCHED);
    else logDecision(FILTER, NO_RULE.bytes, DecisionResult.Allow, NO_ALLOW_POLICY);
    return HeadersAction.Continue;
  }

  private audit(root: AuthorizationRoot, policies: Policies, request: RequestView): void {
    const rule = policies.audit.find(request);
    if (rule == null) return;
    root.audited.increment();
    setFilterState(AUDIT_STATE, rule.label.bytes);
    logDecision(FILTER, rule.label.bytes, DecisionResult.Mark, AUDIT_MATCHED);
  }

  /** What the policies in dry run would have decided, were they the only ones. */
  private shadow(root: AuthorizationRoot, policies: Policies, request: RequestView): void {
    const denying = policies.shadowDeny.find(request);
    if (denying != null) {
      root.shadowDenied.increment();
      logDecision(FILTER, denying.label.bytes, DecisionResult.ShadowDeny, DENY_MATCHED.bytes);
      return;
    }
    if (policies.shadowAllowPolicies > 0 && policies.shadowAllow.find(request) == null) {
      root.shadowDenied.increment();
      logDecision(FILTER, NO_RULE.bytes, DecisionResult.ShadowDeny, NO_ALLOW_MATCHED.bytes);
      return;
    }
    const problem = request.problem;
    if (problem != null) {
      root.shadowDenied.increment();
      logDecision(FILTER, NO_RULE.bytes, DecisionResult.ShadowDeny, problem.bytes);
      return;
    }
    root.shadowAllowed.increment();
  }

  private denyUndecodable(root: AuthorizationRoot, problem: Text): HeadersAction {
    return this.deny(root, NO_RULE, problem, joined(DENIED, problem.bytes));
  }

  private deny(root: AuthorizationRoot, label: Text, reason: Text, details: Bytes): HeadersAction {
    root.denied.increment();
    logDecision(FILTER, label.bytes, DecisionResult.Deny, reason.bytes);
    return this.sendLocalResponse(FORBIDDEN, details, BODY);
  }
}

/**
 * Whether the path is as Envoy's normalisation leaves it. Where it is not, Envoy does not normalise, and the upstream might read another path than the one
 * that the rules saw (CVE-2019-9901, CVE-2021-31920).
 */
function isNormalized(request: RequestView, policies: Policies): bool {
  if (policies.pathNormalization == PathNormalization.None) return true;
  const target = request.target;
  if (target == null) return true;
  const canonical = canonicalPath(target, true, policies.mergesSlashes, policies.escapedSlashes);
  return canonical != null && canonical.equals(target);
}

function joined(first: Bytes, second: Bytes): Bytes {
  const start = arena.allocate(<usize>(first.length + second.length));
  memory.copy(start, first.pointer, <usize>first.length);
  memory.copy(start + <usize>first.length, second.pointer, <usize>second.length);
  return Bytes.view(start, first.length + second.length);
}
