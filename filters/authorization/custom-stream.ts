import {
  BodyAction,
  Bytes,
  DecisionResult,
  HeaderMap,
  HeadersAction,
  HttpStream,
  logDecision,
  requestBody,
  requestHeaders,
  Text,
  TrailersAction,
} from "../sdk";
import { CheckAnswer, Verdict } from "./check-answer";
import { CheckBody } from "./check-body";
import { checkRequest } from "./check-request";
import { CHECK, GrpcCheck, SERVICE } from "./grpc-check";
import { isWebSocket } from "./framing";
import { checkHeaders, HttpCheck } from "./http-check";
import { applyAll, keep, Mutation } from "./mutation";
import { Policies } from "./policies";
import { Provider } from "./provider";
import { mutateQuery } from "./query-mutation";
import { RequestView } from "./request";
import { AuthorizationRoot } from "./root";
import { Rule } from "./rule";

const FILTER = Bytes.of("authorization");
const PATH = Bytes.of(":path");
const FORBIDDEN: u32 = 403;
const PAYLOAD_TOO_LARGE: u32 = 413;

const ALLOWED = Text.of("CUSTOM policy matched, the provider allows");
const DENIED = Text.of("CUSTOM policy matched, the provider denies");
const FAILED = Text.of("CUSTOM policy matched, the provider failed");
const FAILED_OPEN = Text.of("CUSTOM policy matched, the provider failed and failOpen is set");
const FAILED_DETAILS = Bytes.of("authorization_denied_provider_failed");
const TOO_LARGE = Text.of("CUSTOM policy matched, the body is longer than maxRequestBytes");
/** Envoy's own words for it. */
const TOO_LARGE_DETAILS = Bytes.of("request_payload_too_large");

const enum Phase {
  /** Nobody is asked, or has answered. */
  None,
  /** The body is waited for. */
  Body,
  /** The answer is. */
  Answer,
}

/**
 * The part of a stream that asks the provider of a CUSTOM policy. The request stands still meanwhile:
 *
 * ```
 *   headers -> [ body, as far as the provider gets it ] -> check -> answer -> the other policies
 *                      413 where it is too long                     denial, or failure
 * ```
 */
export abstract class CustomStream extends HttpStream {
  private phase: Phase = Phase.None;
  /** The rule that asks. */
  private rule: Rule | null = null;
  private httpCheck: HttpCheck | null = null;
  private grpcCheck: GrpcCheck | null = null;
  /** Changes of the response's headers, in a block of the heap. */
  private kept: usize = 0;

  constructor(asked: Provider | null) {
    super();
    if (asked != null) {
      if (asked.grpc) this.grpcCheck = new GrpcCheck(this);
      else this.httpCheck = new HttpCheck(this);
    }
  }

  /** What the DENY and ALLOW policies make of the request as it is now. */
  abstract decide(): HeadersAction;

  reset(): void {
    this.phase = Phase.None;
    this.rule = null;
    this.forgetKept();
  }

  get policies(): Policies {
    return changetype<AuthorizationRoot>(this.root).policies;
  }

  /** Of a stream that asks. */
  get provider(): Provider {
    return changetype<Provider>(this.policies.provider);
  }

  /** Pauses the request until the provider has answered. */
  protected ask(rule: Rule, request: RequestView, endOfStream: bool): HeadersAction {
    const provider = this.provider;
    this.rule = rule;
    if (provider.maxRequestBytes == 0 || endOfStream) return this.check(request, null);
    // What follows an upgrade is no body that ends; the provider learns that it saw none of it.
    if (isWebSocket(request.headers)) return this.check(request, CheckBody.of(Bytes.empty(), 0, true, provider.packAsBytes));
    this.phase = Phase.Body;
    return HeadersAction.StopIteration;
  }

  onRequestBody(size: i32, endOfStream: bool): BodyAction {
    if (this.phase == Phase.None) return super.onRequestBody(size, endOfStream);
    // The rest waits where it is, and its sender too once Envoy's buffer is full.
    if (this.phase == Phase.Answer) return BodyAction.StopIterationAndWatermark;
    const action = this.onBody(size, endOfStream);
    if (this.phase == Phase.Body) return BodyAction.StopIterationAndBuffer;
    return action == HeadersAction.Continue ? BodyAction.Continue : BodyAction.StopIterationAndWatermark;
  }

  onRequestTrailers(trailers: HeaderMap): TrailersAction {
    if (this.phase != Phase.Body) return super.onRequestTrailers(trailers);
    return this.onBody(requestBody.size, true) == HeadersAction.Continue ? TrailersAction.Continue : TrailersAction.StopIteration;
  }

  /** What the provider allowed stands in the response, whoever it comes from. */
  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    if (this.kept != 0) {
      applyAll(changetype<Mutation>(this.kept), headers);
      this.forgetKept();
    }
    return HeadersAction.Continue;
  }

  /** Asks as soon as as much of the body is there as the provider gets. */
  private onBody(size: i32, isWhole: bool): HeadersAction {
    const provider = this.provider;
    const most = provider.maxRequestBytes;
    if (size > most && !provider.allowPartialMessage) return this.refuseBody();
    // As long as the limit is not reached, what is missing may still come.
    if (!isWhole && (size < most || !provider.allowPartialMessage)) return HeadersAction.StopIteration;
    const bytes = size > 0 ? requestBody.get(0, min(size, most)) : null;
    const body = CheckBody.of(bytes != null ? bytes : Bytes.empty(), size, size > most || !isWhole, provider.packAsBytes);
    return this.check(RequestView.of(requestHeaders, this.policies.trustedHops), body);
  }

  private check(request: RequestView, body: CheckBody | null): HeadersAction {
    this.phase = Phase.Answer;
    const provider = this.provider;
    const http = this.httpCheck;
    const grpc = this.grpcCheck;
    let canBeAsked = false;
    if (http != null) {
      const pairs = checkHeaders(provider, request.headers, body);
      canBeAsked = pairs != null;
      const content = body != null ? body.bytes : null;
      if (pairs != null && http.send(this, provider.cluster.bytes, pairs, provider.timeout, content)) return HeadersAction.StopIteration;
    } else if (grpc != null) {
      const message = checkRequest(provider, request, this.contextId, body);
      canBeAsked = message != null && request.problem == null;
      if (message != null && canBeAsked) {
        if (grpc.call(this, this.root, provider.cluster.bytes, SERVICE, CHECK, message, provider.timeout)) {
          return HeadersAction.StopIteration;
        }
      }
    }
    this.phase = Phase.None;
    // Without an answer to come: what could not be asked about is denied, a provider that cannot be reached has failed.
    return canBeAsked ? this.onFailure() : this.failClosed();
  }

  /** @internal */
  onAnswer(answer: CheckAnswer): void {
    if (this.phase != Phase.Answer) return;
    this.phase = Phase.None;
    const verdict = answer.verdict;
    const action =
      verdict == Verdict.Failed ? this.onFailure() : verdict == Verdict.Denied ? this.onDenied(answer) : this.onAllowed(answer);
    if (action == HeadersAction.Continue) this.resumeRequest();
  }

  private onAllowed(answer: CheckAnswer): HeadersAction {
    changetype<AuthorizationRoot>(this.root).customAllowed.increment();
    this.log(DecisionResult.Allow, ALLOWED);
    applyAll(answer.requestHeaders.first, requestHeaders);
    const query = answer.query.first;
    const path = query != null ? requestHeaders.get(PATH) : null;
    if (path != null) requestHeaders.set(PATH, mutateQuery(path, query));
    this.kept = keep(answer.responseHeaders.first);
    return this.decide();
  }

  private onDenied(answer: CheckAnswer): HeadersAction {
    const root = changetype<AuthorizationRoot>(this.root);
    root.customDenied.increment();
    root.denied.increment();
    this.log(DecisionResult.Deny, DENIED);
    // A good status would tell the client that its request was served.
    const status = answer.status >= 300 && answer.status <= 599 ? answer.status : FORBIDDEN;
    const rule = this.rule;
    return this.sendLocalResponse(status, rule != null ? rule.details.bytes : Bytes.empty(), answer.body, answer.headers);
  }

  private onFailure(): HeadersAction {
    if (!this.provider.failOpen) return this.failClosed();
    changetype<AuthorizationRoot>(this.root).customErrors.increment();
    this.log(DecisionResult.Allow, FAILED_OPEN);
    return this.decide();
  }

  private failClosed(): HeadersAction {
    const root = changetype<AuthorizationRoot>(this.root);
    root.customErrors.increment();
    root.denied.increment();
    this.log(DecisionResult.Deny, FAILED);
    return this.sendLocalResponse(this.provider.statusOnError, FAILED_DETAILS);
  }

  private refuseBody(): HeadersAction {
    this.phase = Phase.None;
    changetype<AuthorizationRoot>(this.root).denied.increment();
    this.log(DecisionResult.Deny, TOO_LARGE);
    return this.sendLocalResponse(PAYLOAD_TOO_LARGE, TOO_LARGE_DETAILS);
  }

  private log(result: Text, reason: Text): void {
    const rule = this.rule;
    logDecision(FILTER, rule != null ? rule.label.bytes : Bytes.empty(), result, reason.bytes);
  }

  private forgetKept(): void {
    if (this.kept == 0) return;
    heap.free(this.kept);
    this.kept = 0;
  }
}
