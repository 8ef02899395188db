import { RangeSet } from "../lib/cidr";
import { ConfigValue } from "../lib/config";
import { Glob, IstioPath, templateErrorMessage } from "../lib/glob";
import { decimal } from "../lib/number";
import { parsePort } from "../lib/url";
import { Regex } from "../lib/regex";
import { Text } from "../sdk";
import { Condition, Dimension } from "./condition";
import { HostCondition, MethodCondition, PathCondition, PortCondition } from "./operation-conditions";
import { PrincipalMatch } from "./principal-match";
import { AddressCondition, AddressOf, PrincipalCondition } from "./source-conditions";
import { RequestPrincipal, RequestPrincipalCondition } from "./token-conditions";
import { TrustDomains } from "./trust-domains";

/** What the values of a rule depend on beside themselves. */
@final
export class Surroundings {
  /** Of the policy: where a service account names none. */
  namespace: string = "";
  /** Set by a condition on the path. */
  looksAtPath: bool = false;

  constructor(readonly trustDomains: TrustDomains) {}
}

/** The values of a field: a list of at least one text, none of them empty. */
export function texts(value: ConfigValue): ConfigValue[] {
  const items = value.items();
  if (value.isList && items.length == 0) value.report("must not be empty: leave it out to match always");
  return items;
}

export function globs(value: ConfigValue): Glob[] {
  const items = texts(value);
  const compiled: Glob[] = [];
  for (let i = 0; i < items.length; i++) compiled.push(Glob.compile(items[i].nonEmptyText().bytes));
  return compiled;
}

export function parseMethods(value: ConfigValue, negated: bool): Condition {
  return new MethodCondition(negated, globs(value));
}

export function parseHosts(value: ConfigValue, negated: bool): Condition {
  return new HostCondition(negated, globs(value));
}

export function parsePaths(value: ConfigValue, negated: bool, surroundings: Surroundings): Condition {
  surroundings.looksAtPath = true;
  const items = texts(value);
  const paths: IstioPath[] = [];
  for (let i = 0; i < items.length; i++) {
    const path = IstioPath.compile(items[i].nonEmptyText().bytes);
    if (path != null) paths.push(path);
    else items[i].report(templateErrorMessage(IstioPath.error) + ", at character " + decimal(IstioPath.errorOffset + 1) + " of it");
  }
  return new PathCondition(negated, paths);
}

/** Ports are texts in Istio: `"8080"`. */
export function parsePorts(value: ConfigValue, negated: bool): Condition {
  const items = texts(value);
  const ports: i32[] = [];
  for (let i = 0; i < items.length; i++) {
    const port = parsePort(items[i].text().bytes, 0);
    if (port < 0) items[i].report('expected a port from 0 to 65535 as text, such as "8080"');
    ports.push(port);
  }
  return new PortCondition(negated, ports);
}

export function parseAddresses(value: ConfigValue, negated: bool, whose: AddressOf): Condition {
  const items = texts(value);
  const ranges = new RangeSet();
  for (let i = 0; i < items.length; i++) {
    if (!ranges.add(items[i].text().bytes)) items[i].report("expected an address or a range such as 10.0.0.0/8 or fd00::/8");
  }
  ranges.build();
  return new AddressCondition(negated, whose, ranges);
}

export function parsePrincipals(value: ConfigValue, negated: bool, surroundings: Surroundings): Condition {
  const items = texts(value);
  const matches: PrincipalMatch[] = [];
  for (let i = 0; i < items.length; i++) {
    const principals = surroundings.trustDomains.expand(items[i].nonEmptyText().toString());
    for (let j = 0; j < principals.length; j++) addMatch(matches, PrincipalMatch.principal(principals[j]), items[i]);
  }
  return new PrincipalCondition(negated, Dimension.Principal, matches);
}

export function parseNamespaces(value: ConfigValue, negated: bool): Condition {
  const items = texts(value);
  const matches: PrincipalMatch[] = [];
  for (let i = 0; i < items.length; i++) addMatch(matches, PrincipalMatch.namespace(items[i].nonEmptyText().toString()), items[i]);
  return new PrincipalCondition(negated, Dimension.Workload, matches);
}

/** `ACCOUNT`, of the policy's namespace, or `NAMESPACE/ACCOUNT`. */
export function parseServiceAccounts(value: ConfigValue, negated: bool, surroundings: Surroundings): Condition {
  const items = texts(value);
  const matches: PrincipalMatch[] = [];
  for (let i = 0; i < items.length; i++) {
    const parts = items[i].nonEmptyText().toString().split("/");
    const account = parts[parts.length - 1];
    const namespace = parts.length == 1 ? surroundings.namespace : parts[0];
    if (parts.length > 2 || account.length == 0 || (parts.length == 2 && namespace.length == 0)) {
      items[i].report("expected ACCOUNT or NAMESPACE/ACCOUNT");
    } else if (account.includes("*") || namespace.includes("*")) {
      items[i].report("a service account takes no `*`");
    } else if (namespace.length == 0) {
      items[i].report("a service account without a namespace needs the `namespace` of its policy");
    } else {
      addMatch(matches, PrincipalMatch.serviceAccount(namespace, account), items[i]);
    }
  }
  return new PrincipalCondition(negated, Dimension.Workload, matches);
}

function addMatch(matches: PrincipalMatch[], match: PrincipalMatch | null, item: ConfigValue): void {
  if (match != null) matches.push(match);
  else item.report("Istio reads this as a part of a regular expression, which it is not: " + Regex.errorMessage());
}

export function parseRequestPrincipals(value: ConfigValue, negated: bool): Condition {
  const items = texts(value);
  const principals: RequestPrincipal[] = [];
  for (let i = 0; i < items.length; i++) principals.push(RequestPrincipal.compile(items[i].nonEmptyText().bytes));
  return new RequestPrincipalCondition(negated, principals);
}

/** A name of the configuration as {@link Text} values by path, for claims. */
export function textsOf(names: string[]): Text[] {
  const list: Text[] = [];
  for (let i = 0; i < names.length; i++) list.push(Text.of(names[i]));
  return list;
}
