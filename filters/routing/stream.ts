import { Candidate } from "../lib/match";
import { Bytes, DecisionResult, HeaderMap, HeaderPairs, HeadersAction, HttpStream, logDecision, RequestView, Text } from "../sdk";
import { applyHeaders } from "./header-operations";
import { AUTHORITY, CLUSTER_HEADER, LOCATION, PATH, ROUTE_HEADER } from "./headers";
import { redirectLocation } from "./redirect";
import { rewrittenTarget } from "./rewrite";
import { RoutingRoot } from "./root";
import { Destination, Redirect, Rule } from "./rule";

const FILTER = Bytes.of("routing");
const NO_RULE = Bytes.of("");
const NO_MATCH = Bytes.of("no rule matches");
const MATCHED = Bytes.of("first rule that matches");
const REDIRECT = Bytes.of("redirect");
const DIRECT_RESPONSE = Bytes.of("direct response");
/** `%RESPONSE_CODE_DETAILS%`. */
const REDIRECT_DETAILS = Bytes.of("routing_redirect");
const DIRECT_RESPONSE_DETAILS = Bytes.of("routing_direct_response");


@final
export class RoutingStream extends HttpStream {
  private rule: Rule | null = null;
  private destination: Destination | null = null;

  reset(): void {
    this.rule = null;
    this.destination = null;
  }

  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const root = changetype<RoutingRoot>(this.root);
    const request = RequestView.of(headers);
    // Looked at before anything is changed: a change makes the next look copy all headers.
    const forgedRoute = headers.has(ROUTE_HEADER);
    const forgedCluster = headers.has(CLUSTER_HEADER);
    const found = root.index.find(request);
    if (found == null) {
      root.unmatched.increment();
      logDecision(FILTER, NO_RULE, DecisionResult.Route, NO_MATCH);
      if (forgedRoute) headers.remove(ROUTE_HEADER);
      if (forgedCluster) headers.remove(CLUSTER_HEADER);
      return HeadersAction.Continue;
    }
    root.matched.increment();
    const rule = found.rule;
    if (rule.redirect != null) return this.redirect(rule, found, request);
    if (rule.directResponse != null) return this.respond(rule);
    this.forward(rule, found, request, forgedRoute, forgedCluster);
    return HeadersAction.Continue;
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const destination = this.destination;
    if (destination != null) applyHeaders(destination.response, headers);
    const rule = this.rule;
    if (rule != null) applyHeaders(rule.response, headers);
    return HeadersAction.Continue;
  }

  private redirect(rule: Rule, found: Candidate<Rule>, request: RequestView): HeadersAction {
    logDecision(FILTER, rule.name.bytes, DecisionResult.Route, REDIRECT);
    const redirect = rule.redirect as Redirect;
    this.rule = rule;
    const headers = HeaderPairs.create();
    headers.add(LOCATION, redirectLocation(redirect, found.match, request));
    return this.sendLocalResponse(redirect.code, REDIRECT_DETAILS, null, headers);
  }

  private respond(rule: Rule): HeadersAction {
    const response = rule.directResponse;
    if (response == null) return HeadersAction.Continue;
    logDecision(FILTER, rule.name.bytes, DecisionResult.Route, DIRECT_RESPONSE);
    this.rule = rule;
    const body = response.body;
    return this.sendLocalResponse(response.status, DIRECT_RESPONSE_DETAILS, body != null ? body.bytes : null);
  }

  /** Hands the choice over to Envoy. Everything is computed before the first header is changed. */
  private forward(rule: Rule, found: Candidate<Rule>, request: RequestView, forgedRoute: bool, forgedCluster: bool): void {
    const headers = request.headers;
    const destination = rule.choose(request);
    this.rule = rule;
    this.destination = destination;
    const rewrite = rule.rewrite;
    const target: Bytes | null = rewrite != null ? rewrittenTarget(rewrite, found.match, request) : null;
    const route = destination != null ? destination.route : null;
    const cluster = destination != null ? destination.cluster : null;
    logDecision(FILTER, rule.name.bytes, DecisionResult.Route, reasonOf(route, cluster));

    if (destination != null) applyHeaders(destination.request, headers);
    applyHeaders(rule.request, headers);
    if (target != null) headers.set(PATH, target);
    const authority = rewrite != null ? rewrite.authority : null;
    if (authority != null) headers.set(AUTHORITY, authority.bytes);
    const policy = rule.policy;
    for (let i = 0; i < policy.length; i++) headers.set(unchecked(policy[i]).name.bytes, unchecked(policy[i]).value.bytes);
    if (route != null) headers.set(ROUTE_HEADER, route.bytes);
    else if (forgedRoute) headers.remove(ROUTE_HEADER);
    if (cluster != null) headers.set(CLUSTER_HEADER, cluster.bytes);
    else if (forgedCluster) headers.remove(CLUSTER_HEADER);
  }
}

function reasonOf(route: Text | null, cluster: Text | null): Bytes {
  return route != null ? route.bytes : cluster != null ? cluster.bytes : MATCHED;
}
