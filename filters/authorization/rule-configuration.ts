import { ConfigValue } from "../lib/config";
import { Block } from "./condition";
import { parseWhen } from "./when-configuration";
import {
  parseAddresses,
  parseHosts,
  parseMethods,
  parsePaths,
  parsePorts,
  parsePrincipals,
  parseNamespaces,
  parseRequestPrincipals,
  parseServiceAccounts,
  Surroundings,
} from "./value-configuration";
import { AddressOf } from "./source-conditions";
import { Rule } from "./rule";

const RULE_FIELDS: string[] = ["from", "to", "when"];
const SOURCE_FIELDS: string[] = [
  "principals",
  "notPrincipals",
  "requestPrincipals",
  "notRequestPrincipals",
  "namespaces",
  "notNamespaces",
  "serviceAccounts",
  "notServiceAccounts",
  "ipBlocks",
  "notIpBlocks",
  "remoteIpBlocks",
  "notRemoteIpBlocks",
];
const OPERATION_FIELDS: string[] = ["hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths"];
/** Fields that Istio does not take beside `serviceAccounts` and `notServiceAccounts`. */
const IDENTITY_FIELDS: string[] = ["principals", "notPrincipals", "namespaces", "notNamespaces"];

/** Reads `{from, to, when}` into `rule`. An empty object matches every request. */
export function parseRule(value: ConfigValue, rule: Rule, surroundings: Surroundings): void {
  value.object(RULE_FIELDS);
  const from = value.get("from");
  if (from != null) {
    const sources = entries(from, "source", SOURCE_FIELDS);
    for (let i = 0; i < sources.length; i++) rule.from.push(parseSource(sources[i], surroundings));
  }
  const to = value.get("to");
  if (to != null) {
    const operations = entries(to, "operation", OPERATION_FIELDS);
    for (let i = 0; i < operations.length; i++) rule.to.push(parseOperation(operations[i], surroundings));
  }
  const when = value.get("when");
  if (when == null) return;
  const conditions = notEmpty(when);
  for (let i = 0; i < conditions.length; i++) parseWhen(conditions[i], rule.when, surroundings);
}

/** The objects under `field` of each item: Istio's lists of `{source: {...}}` and `{operation: {...}}`. */
function entries(value: ConfigValue, field: string, fields: string[]): ConfigValue[] {
  const items = notEmpty(value);
  const objects: ConfigValue[] = [];
  for (let i = 0; i < items.length; i++) {
    const object = items[i].object([field]).required(field);
    if (object == null) continue;
    if (object.object(fields).isObject && object.entries().length == 0) object.report("must not be empty: leave it out to match always");
    objects.push(object);
  }
  return objects;
}

function notEmpty(value: ConfigValue): ConfigValue[] {
  const items = value.items();
  if (value.isList && items.length == 0) value.report("must not be empty: leave it out to match always");
  return items;
}

function parseSource(source: ConfigValue, surroundings: Surroundings): Block {
  const block = new Block();
  if (source.get("serviceAccounts") != null || source.get("notServiceAccounts") != null) {
    for (let i = 0; i < IDENTITY_FIELDS.length; i++) {
      const other = source.get(IDENTITY_FIELDS[i]);
      if (other != null) source.reportMember(other, "cannot stand beside serviceAccounts or notServiceAccounts");
    }
  }
  for (let i = 0; i < 2; i++) {
    const negated = i == 1;
    const principals = source.get(negated ? "notPrincipals" : "principals");
    if (principals != null) block.add(parsePrincipals(principals, negated, surroundings));
    const namespaces = source.get(negated ? "notNamespaces" : "namespaces");
    if (namespaces != null) block.add(parseNamespaces(namespaces, negated));
    const accounts = source.get(negated ? "notServiceAccounts" : "serviceAccounts");
    if (accounts != null) block.add(parseServiceAccounts(accounts, negated, surroundings));
    const requestPrincipals = source.get(negated ? "notRequestPrincipals" : "requestPrincipals");
    if (requestPrincipals != null) block.add(parseRequestPrincipals(requestPrincipals, negated));
    const addresses = source.get(negated ? "notIpBlocks" : "ipBlocks");
    if (addresses != null) block.add(parseAddresses(addresses, negated, AddressOf.Source));
    const remote = source.get(negated ? "notRemoteIpBlocks" : "remoteIpBlocks");
    if (remote != null) block.add(parseAddresses(remote, negated, AddressOf.Remote));
  }
  return block;
}

function parseOperation(operation: ConfigValue, surroundings: Surroundings): Block {
  const block = new Block();
  for (let i = 0; i < 2; i++) {
    const negated = i == 1;
    const methods = operation.get(negated ? "notMethods" : "methods");
    if (methods != null) block.add(parseMethods(methods, negated));
    const paths = operation.get(negated ? "notPaths" : "paths");
    if (paths != null) block.add(parsePaths(paths, negated, surroundings));
    const hosts = operation.get(negated ? "notHosts" : "hosts");
    if (hosts != null) block.add(parseHosts(hosts, negated));
    const ports = operation.get(negated ? "notPorts" : "ports");
    if (ports != null) block.add(parsePorts(ports, negated));
  }
  return block;
}
