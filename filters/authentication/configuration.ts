import { Config, ConfigValue } from "../lib/config";
import { Bytes, Text } from "../sdk";
import { ApiKeyProvider, Consumer } from "./api-key";
import { parseJwtRule } from "./rule-configuration";
import { itemsOf, parseLocations } from "./location-configuration";
import { Settings } from "./settings";

const FIELDS: string[] = ["jwtRules", "apiKeys", "required"];
const API_KEY_FIELDS: string[] = ["fromHeaders", "fromParams", "fromCookies", "consumers", "outputConsumerToHeader", "forwardOriginalKey"];
const CONSUMER_FIELDS: string[] = ["name", "sha256"];

/** Reads `{jwtRules, apiKeys, required}`, described by authentication.schema.json, into `settings`. Returns what is wrong with it, in one line. */
export function parseConfiguration(source: Bytes, settings: Settings): string | null {
  const config = new Config(source);
  const root = config.root;
  if (root != null) parseSettings(root, settings);
  return config.problem;
}

function parseSettings(root: ConfigValue, settings: Settings): void {
  root.object(FIELDS);
  const ruleItems = itemsOf(root, "jwtRules");
  for (let i = 0; i < ruleItems.length; i++) parseJwtRule(ruleItems[i], settings);
  const keyItems = itemsOf(root, "apiKeys");
  for (let i = 0; i < keyItems.length; i++) parseApiKeys(keyItems[i], settings);
  const required = root.get("required");
  if (required != null) settings.required = required.bool();
  if (root.isObject && ruleItems.length + keyItems.length == 0) root.report("needs `jwtRules` or `apiKeys`");
}

function parseApiKeys(value: ConfigValue, settings: Settings): void {
  value.object(API_KEY_FIELDS);
  const provider = new ApiKeyProvider();
  const forward = value.get("forwardOriginalKey");
  const places = parseLocations(value, settings.keyLocations, settings.apiKeys.length, forward != null && forward.bool());
  if (places == 0) value.report("needs one of fromHeaders, fromParams, fromCookies");
  settings.apiKeys.push(provider);
  const header = value.get("outputConsumerToHeader");
  if (header != null) {
    const name = header.headerName();
    provider.consumerHeader = name;
    settings.addTrustedHeader(name);
  }
  const consumers = value.required("consumers");
  if (consumers == null) return;
  const items = consumers.items();
  if (items.length == 0) consumers.report("must not be empty");
  for (let i = 0; i < items.length; i++) {
    const item = items[i].object(CONSUMER_FIELDS);
    const name = item.required("name");
    const hashes = item.required("sha256");
    if (name == null || hashes == null) continue;
    const text = name.headerValue();
    if (text.bytes.length == 0) name.report("must not be empty");
    const consumer = new Consumer(text, Text.from(name.source));
    const digests = hashes.items();
    if (digests.length == 0) hashes.report("must not be empty");
    for (let j = 0; j < digests.length; j++) {
      if (!provider.add(digests[j].text().bytes, consumer)) digests[j].report("must be 64 hexadecimal digits that stand here only once");
    }
  }
}
