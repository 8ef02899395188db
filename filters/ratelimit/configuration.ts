import { Config, ConfigValue } from "../lib/config";
import { xxHash64 } from "../lib/hash";
import { Match, parseMatch } from "../lib/match";
import { decimal } from "../lib/number";
import { TokenBucket } from "../lib/token-bucket";
import { Bytes, Text } from "../sdk";
import { Buckets, SharedBuckets, WorkerBuckets } from "./buckets";
import { Descriptor, DescriptorKind } from "./descriptor";
import { parseDescriptor } from "./descriptor-configuration";
import { RateLimit } from "./limit";
import { ownSeeds, sharedSeeds } from "./seeds";
import { RateLimitHeaders, Settings } from "./settings";

const FIELDS: string[] = ["limits", "rateLimitHeaders", "failureModeDeny", "statusOnError"];
const LIMIT_FIELDS: string[] = ["name", "match", "descriptors", "tokenBucket", "scope", "status", "shadowMode", "maxDynamicDescriptors"];
const HEADERS: string[] = ["OFF", "LIMITED", "ALWAYS"];
const SCOPES: string[] = ["ENVOY", "WORKER"];

const MAX_TOKENS: i64 = 1_000_000_000;
/** Of one limit where it says nothing. */
const DYNAMIC_DESCRIPTORS: i32 = 1_024;
/** Buckets of all limits together: 24 MB for each worker. */
const MAX_BUCKETS: i64 = 1_000_000;
const MAX_NAME: i32 = 128;

/** What became of a configuration: settings, or what is wrong with it in one line. */
@final
export class Parsed {
  constructor(
    readonly settings: Settings | null,
    readonly problem: string | null,
  ) {}
}

/** Reads `{limits: [...], ...}`, described by ratelimit.schema.json. Buckets that workers share are those of `plugin` alone. */
export function parseConfiguration(source: Bytes, plugin: Text): Parsed {
  const config = new Config(source);
  const settings = new Settings();
  const root = config.root;
  if (root != null) {
    root.object(FIELDS);
    const headers = root.get("rateLimitHeaders");
    if (headers != null) settings.headers = <RateLimitHeaders>parseName(headers, HEADERS);
    const deny = root.get("failureModeDeny");
    if (deny != null) settings.failureModeDeny = deny.bool();
    const status = root.get("statusOnError");
    if (status != null) settings.statusOnError = <u32>status.integer(400, 599);
    const limits = root.required("limits");
    if (limits != null) new LimitsParser(settings, plugin).parse(limits);
  }
  const problem = config.problem;
  return problem == null ? new Parsed(settings, null) : new Parsed(null, problem);
}

/** The index in `names` of what `value` says. */
function parseName(value: ConfigValue, names: string[]): i32 {
  const index = names.indexOf(value.text().toString());
  if (index < 0) value.report("must be one of " + names.join(", "));
  return max(index, 0);
}


@final
class LimitsParser {
  private readonly names: Set<string> = new Set<string>();
  private buckets: i64 = 0;
  private shared: Bytes | null = null;
  private own: Bytes | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly plugin: Text,
  ) {}

  parse(limits: ConfigValue): void {
    const items = limits.items();
    for (let i = 0; i < items.length; i++) {
      const limit = this.parseLimit(items[i]);
      if (limit != null) this.settings.add(limit, items[i].get("match") == null);
    }
    if (this.buckets > MAX_BUCKETS) {
      limits.report("`maxDynamicDescriptors` of all limits together must be at most " + decimal(MAX_BUCKETS));
    }
  }

  private parseLimit(value: ConfigValue): RateLimit | null {
    value.object(LIMIT_FIELDS);
    const descriptors: Descriptor[] = [];
    const list = value.get("descriptors");
    const items: ConfigValue[] = list != null ? list.items() : [];
    let dynamic = false;
    for (let i = 0; i < items.length; i++) {
      const descriptor = parseDescriptor(items[i]);
      if (descriptor.kind != DescriptorKind.Constant) dynamic = true;
      descriptors.push(descriptor);
    }
    const name = this.parseLimitName(value);
    const bucket = parseTokenBucket(value);
    const buckets = this.parseBuckets(value, name, dynamic);
    if (name == null || bucket == null || buckets == null) return null;
    const seeds = changetype<usize>(buckets.isShared ? this.shared : this.own);
    const pointer = changetype<Bytes>(seeds).pointer;
    const limit = new RateLimit(
      name,
      bucket,
      buckets,
      xxHash64(name.bytes, load<u64>(pointer)),
      xxHash64(name.bytes, load<u64>(pointer, 8)),
    );
    for (let i = 0; i < descriptors.length; i++) limit.descriptors.push(descriptors[i]);
    parseMatches(value.get("match"), limit.matches);
    const status = value.get("status");
    if (status != null) limit.status = <u32>status.integer(400, 599);
    const shadow = value.get("shadowMode");
    if (shadow != null) limit.shadowMode = shadow.bool();
    return limit;
  }

  /** A name that can stand in a string of structured fields. */
  private parseLimitName(value: ConfigValue): Text | null {
    const field = value.required("name");
    if (field == null) return null;
    const name = field.nonEmptyText();
    if (!isPrintableAscii(name.bytes)) field.report("stands in the header RateLimit: printable ASCII only");
    if (name.bytes.length > MAX_NAME) field.report("must have at most " + decimal(MAX_NAME) + " bytes");
    const text = name.toString();
    if (this.names.has(text)) field.report("another limit has this name");
    this.names.add(text);
    return name;
  }

  private parseBuckets(value: ConfigValue, name: Text | null, dynamic: bool): Buckets | null {
    const scopeField = value.get("scope");
    const shared = (scopeField != null ? parseName(scopeField, SCOPES) : 0) == 0;
    const most = value.get("maxDynamicDescriptors");
    let count = dynamic ? DYNAMIC_DESCRIPTORS : 1;
    if (most != null) {
      if (!dynamic) most.report("concerns limits whose descriptors differ between requests");
      count = <i32>most.integer(1, MAX_BUCKETS);
    }
    this.buckets += count;
    // What is refused must not take the memory first.
    if (name == null || this.buckets > MAX_BUCKETS) return null;
    if (!shared) {
      if (this.own == null) this.own = ownSeeds();
      return new WorkerBuckets(count);
    }
    if (this.shared == null) this.shared = sharedSeeds();
    if (this.shared == null) {
      value.report("this host gives no shared data (proxy_get_shared_data, proxy_set_shared_data): allow it, or set `scope` to WORKER");
      return null;
    }
    return new SharedBuckets(count, this.plugin, name);
  }
}

function parseTokenBucket(limit: ConfigValue): TokenBucket | null {
  const value = limit.required("tokenBucket");
  if (value == null) return null;
  value.object(["maxTokens", "tokensPerFill", "fillInterval"]);
  const most = value.required("maxTokens");
  const fill = value.get("tokensPerFill");
  const interval = value.required("fillInterval");
  const maxTokens = most != null ? most.integer(1, MAX_TOKENS) : 1;
  const tokensPerFill = fill != null ? fill.integer(1, MAX_TOKENS) : 1;
  if (most == null || interval == null) return null;
  const milliseconds = interval.duration();
  if (milliseconds < 1) {
    interval.report("must be at least 1ms");
    return null;
  }
  const bucket = TokenBucket.of(<u32>maxTokens, <u32>tokensPerFill, <u64>milliseconds);
  if (bucket == null) value.report("must give at most a million tokens a second, and be full again within four years");
  return bucket;
}

function parseMatches(value: ConfigValue | null, matches: Match[]): void {
  if (value == null) {
    matches.push(new Match());
  } else if (value.isList) {
    const items = value.items();
    if (items.length == 0) value.report("must not be empty: leave it out to match always");
    for (let i = 0; i < items.length; i++) matches.push(parseMatch(items[i]));
  } else {
    matches.push(parseMatch(value));
  }
}

function isPrintableAscii(text: Bytes): bool {
  for (let i = 0; i < text.length; i++) {
    if (<u8>(text[i] - 0x20) > 0x7e - 0x20) return false;
  }
  return true;
}
