import { ConfigValue } from "../lib/config";
import { isHeaderName } from "../lib/http";
import { Text } from "../sdk";
import { Block, Condition } from "./condition";
import { HeaderCondition } from "./operation-conditions";
import { AddressOf, ServerNameCondition } from "./source-conditions";
import { ClaimCondition, ConsumerCondition } from "./token-conditions";
import {
  globs,
  parseAddresses,
  parseNamespaces,
  parsePorts,
  parsePrincipals,
  parseRequestPrincipals,
  parseServiceAccounts,
  Surroundings,
  textsOf,
} from "./value-configuration";

const FIELDS: string[] = ["key", "values", "notValues"];
const HEADERS = "request.headers[";
const CLAIMS = "request.auth.claims[";
const EXPERIMENTAL = "experimental.envoy.filters.";

/** Reads one `{key, values, notValues}` of `when`. */
export function parseWhen(value: ConfigValue, block: Block, surroundings: Surroundings): void {
  value.object(FIELDS);
  const key = value.required("key");
  if (key == null) return;
  const values = value.get("values");
  const notValues = value.get("notValues");
  if (values == null && notValues == null) value.report("needs `values` or `notValues`");
  if (values != null) add(block, parseCondition(key, values, false, surroundings));
  if (notValues != null) add(block, parseCondition(key, notValues, true, surroundings));
}

function add(block: Block, condition: Condition | null): void {
  if (condition != null) block.add(condition);
}

function parseCondition(key: ConfigValue, values: ConfigValue, negated: bool, surroundings: Surroundings): Condition | null {
  const name = key.nonEmptyText().toString();
  if (name == "source.ip") return parseAddresses(values, negated, AddressOf.Source);
  if (name == "remote.ip") return parseAddresses(values, negated, AddressOf.Remote);
  if (name == "destination.ip") return parseAddresses(values, negated, AddressOf.Destination);
  if (name == "destination.port") return parsePorts(values, negated);
  if (name == "source.namespace") return parseNamespaces(values, negated);
  if (name == "source.principal") return parsePrincipals(values, negated, surroundings);
  if (name == "source.serviceAccount") return parseServiceAccounts(values, negated, surroundings);
  if (name == "connection.sni") return new ServerNameCondition(negated, globs(values));
  if (name == "request.auth.principal") return parseRequestPrincipals(values, negated);
  if (name == "request.auth.audiences") return new ClaimCondition(negated, textsOf(["aud"]), globs(values));
  if (name == "request.auth.presenter") return new ClaimCondition(negated, textsOf(["azp"]), globs(values));
  if (name == "request.auth.consumer") return new ConsumerCondition(negated, globs(values));
  if (name.startsWith(HEADERS)) return parseHeader(key, name, values, negated);
  if (name.startsWith(CLAIMS)) return parseClaim(key, name, values, negated);
  key.report(
    name.startsWith(EXPERIMENTAL)
      ? "experimental.envoy.filters keys look at metadata of native filters and are not supported: use request.headers[...] or request.auth.claims[...]"
      : "unknown key: use request.headers[NAME], source.ip, remote.ip, source.namespace, source.principal, source.serviceAccount, " +
          "request.auth.principal, request.auth.audiences, request.auth.presenter, request.auth.claims[NAME], request.auth.consumer, " +
          "destination.ip, destination.port or connection.sni",
  );
  return null;
}

function parseHeader(key: ConfigValue, name: string, values: ConfigValue, negated: bool): Condition | null {
  const header = name.substring(HEADERS.length, name.length - 1);
  const pseudo = header.startsWith(":") ? header.substring(1) : header;
  if (!name.endsWith("]") || !isHeaderName(Text.of(pseudo).bytes)) {
    key.report("expected request.headers[NAME] with the name of a header");
    return null;
  }
  const lower = Text.lowerCase(Text.of(header).bytes);
  // Envoy keeps Host as :authority.
  return new HeaderCondition(negated, lower.toString() == "host" ? Text.of(":authority") : lower, globs(values));
}

/** `request.auth.claims[a][b]`: names of claims, one inside the other. */
function parseClaim(key: ConfigValue, name: string, values: ConfigValue, negated: bool): Condition | null {
  const inner = name.substring(CLAIMS.length, name.length - 1);
  const names = inner.split("][");
  let valid = name.endsWith("]");
  for (let i = 0; i < names.length; i++) valid = valid && names[i].length > 0 && !names[i].includes("[") && !names[i].includes("]");
  if (valid) return new ClaimCondition(negated, textsOf(names), globs(values));
  key.report("expected request.auth.claims[NAME] or, for a claim within a claim, request.auth.claims[NAME][NAME]");
  return null;
}
