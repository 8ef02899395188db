import { Bytes, Counter, randomSeed, Root, Stream } from "../sdk";
import { parseConfiguration } from "./configuration";
import { Settings } from "./settings";
import { AuthenticationStream } from "./stream";
import { TokenCache } from "./token-cache";

const SECOND: u32 = 1_000;


@final
export class AuthenticationRoot extends Root {
  settings: Settings = new Settings();
  readonly cache: TokenCache = new TokenCache(randomSeed());
  readonly allowed: Counter = new Counter("authentication.allowed");
  readonly denied: Counter = new Counter("authentication.denied");
  readonly cacheHits: Counter = new Counter("authentication.jwt_cache_hit");
  readonly cacheMisses: Counter = new Counter("authentication.jwt_cache_miss");

  configure(configuration: Bytes): string | null {
    const settings = new Settings();
    const problem = parseConfiguration(configuration, settings);
    if (problem != null) return problem;
    this.settings = settings;
    if (settings.rules.length > 0) this.cache.allocate();
    let remote = false;
    for (let i = 0; i < settings.rules.length; i++) {
      const jwks = settings.rules[i].jwks;
      jwks.start(this);
      if (jwks.remote != null) remote = true;
    }
    if (remote) this.tickEvery(SECOND);
    return null;
  }

  onTick(): void {
    const rules = this.settings.rules;
    for (let i = 0; i < rules.length; i++) rules[i].jwks.tick();
  }

  onDelete(): void {
    this.tickEvery(0);
    const rules = this.settings.rules;
    for (let i = 0; i < rules.length; i++) rules[i].jwks.stop();
    this.cache.free();
  }

  createStream(): Stream {
    return new AuthenticationStream();
  }
}
