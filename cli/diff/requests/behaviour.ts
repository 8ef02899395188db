import type { Decision, ExchangeResult, HeaderList } from "../../../harness/target/index.ts";
import type { Observed } from "../../try/mesh/running-mesh.ts";
import type { CertainSnapshot } from "./certain.ts";

/** In what way a request is treated differently. Of several the first counts as the cause. */
export type Aspect = "allowed" | "answered" | "routed" | "delayed" | "decided" | "changed";

/** Why a request is treated differently, in words: the decision before and after. */
export interface Cause {
  readonly aspect: Aspect;
  readonly before: string;
  readonly after: string;
}

/** What becomes of a request: what was seen in a real Envoy, and what of it happens by chance or takes time, as its route says. */
export interface Behaviour {
  readonly result: ExchangeResult;
  /** Why it is denied; `allowed`, and what a policy would deny that is only tried (dry run). */
  readonly allowed: string;
  /** Who answers, and with what status. */
  readonly answered: string;
  /** The clusters with their shares; empty where there is none. */
  readonly destinations: string;
  /** What is said of the route; no difference by itself. */
  readonly route: string;
  readonly delayed: string;
  /** What the upstream and the client get, and what else is done, by what it is called. */
  readonly details: ReadonlyMap<string, string>;
}

/** As `try` calls decisions of Envoy's own about routes. */
const ROUTER = "envoy.filters.http.router";

export function behaviourOf(
  { result, mark }: Pick<Observed, "result" | "mark">,
  { routes, faults }: Pick<CertainSnapshot, "routes" | "faults">,
): Behaviour {
  const facts = mark === undefined ? undefined : routes[Number(mark)];
  const rules = result.decisions.filter(({ filter }) => filter === "fault").flatMap(({ rule }) => faults.get(rule) ?? []);
  const delays = [facts?.delay ?? "", ...rules.map(({ delay }) => delay)].filter((each) => each !== "");
  const aborts = [facts?.abort ?? "", ...rules.map(({ abort }) => abort)].filter((each) => each !== "");
  const taken = result.decisions.find((decision) => decision.result === "route" && decision.filter === ROUTER && decision.rule !== "");
  const route = taken === undefined ? (facts?.label ?? "") : `VirtualService ${taken.rule}${placeOf(taken)}`;
  const isForwarded = result.outcome === "forward";
  const { isDenied, allowed } = verdict(result);
  return {
    result,
    allowed,
    answered: [
      isForwarded
        ? "by the service"
        : `${result.outcome === "reset" ? "not, the connection ends" : `with ${result.status}`} (${result.details})`,
      ...aborts.map((abort) => `or fault ${abort}`),
    ].join(", "),
    // Where the route leads counts also where nobody is there to answer.
    destinations: isDenied ? "" : (facts?.destinations ?? (isForwarded ? (result.cluster ?? "") : "")),
    route,
    delayed: delays.length === 0 ? "not" : delays.join(", "),
    details: detailsOf(result, isDenied ? undefined : facts?.others),
  };
}

/** Why the same request is treated differently; undefined where it is not. */
export function causeOf(before: Behaviour, after: Behaviour): Cause | undefined {
  if (before.allowed !== after.allowed) return { aspect: "allowed", before: before.allowed, after: after.allowed };
  const by = ({ route }: Behaviour) => (route === "" ? "" : `, by ${route}`);
  if (before.answered !== after.answered)
    return { aspect: "answered", before: `${before.answered}${by(before)}`, after: `${after.answered}${by(after)}` };
  if (before.destinations !== after.destinations)
    return { aspect: "routed", before: `to ${before.destinations}${by(before)}`, after: `to ${after.destinations}${by(after)}` };
  if (before.delayed !== after.delayed) return { aspect: "delayed", before: before.delayed, after: after.delayed };
  const names = [...new Set([...before.details.keys(), ...after.details.keys()])].sort();
  const changed = names.filter((name) => before.details.get(name) !== after.details.get(name));
  if (changed.length === 0) return undefined;
  // Values may differ from request to request, and would make a cause of each.
  const said = (side: Behaviour, present: (name: string) => string) =>
    changed.map((name) => (side.details.has(name) ? present(name) : `no ${name}`)).join(", ");
  const isNew = (name: string) => !before.details.has(name);
  return {
    aspect: "changed",
    before: said(before, (name) => name),
    after: `${said(after, (name) => (isNew(name) ? name : `another ${name}`))}${by(after)}`,
  };
}

const DENIALS: ReadonlySet<string> = new Set(["deny", "limit"]);
const REFUSED: ReadonlySet<number> = new Set([401, 403]);

/** Whether a request is denied, and what is said of that. */
function verdict({ decisions, outcome, status, details }: ExchangeResult): { readonly isDenied: boolean; readonly allowed: string } {
  const denial = outcome === "forward" ? undefined : decisions.findLast(({ result }) => DENIALS.has(result));
  if (denial !== undefined) {
    const { filter, rule, reason } = denial;
    return { isDenied: true, allowed: `denied by ${filter}${rule === "" ? "" : `, ${rule}`} (${reason})${placeOf(denial)}` };
  }
  const isNative = outcome !== "forward" && details.startsWith("rbac_");
  if (isNative || (outcome === "respond" && REFUSED.has(status) && details !== "direct_response"))
    return { isDenied: true, allowed: `denied: ${details}` };
  const tried = decisions.filter(({ result }) => result === "shadow-deny").map(({ filter, rule }) => `${filter}, ${rule}`);
  return { isDenied: false, allowed: tried.length === 0 ? "allowed" : `allowed; in a dry run denied by ${tried.join("; ")}` };
}

function placeOf({ at }: Decision): string {
  return at === undefined ? "" : ` at ${at}`;
}

function detailsOf({ request, response }: ExchangeResult, others: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const details = new Map(others);
  const add = (what: string, list: HeaderList) => {
    for (const [name, values] of Map.groupBy(list, ([name]) => name))
      details.set(`${what} header ${name}`, values.map(([, value]) => value).join(", "));
  };
  if (request !== undefined) {
    for (const name of ["method", "authority", "path"] as const) details.set(`request ${name}`, request[name]);
    add("request", request.headers);
  }
  if (response !== undefined) {
    details.set("status", String(response.status));
    details.set("response body", JSON.stringify(response.body));
    add("response", response.headers);
  }
  return details;
}
