import { join } from "node:path";
import type { HeaderList } from "../../../harness/target/index.ts";
import { build, REPOSITORY } from "../../foreign/build.ts";
import { c } from "../../foreign/c.ts";
import { inTurn, repeated, type Requests } from "../client/requests.ts";
import { wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { FLOORS } from "./floor.ts";
import { built } from "./header-job.ts";
import { jwtAuthn } from "./native.ts";
import { ALGORITHMS, AUDIENCE, ISSUER, Issuer, type Algorithm } from "./tokens.ts";
import type { Counters, Variant } from "./variant.ts";

/** More tokens than either filter remembers, so that each is new to it when it comes again. */
const POOL = 2048;

/** A token, and how often a filter saw it before. */
export type Familiarity = "seen" | "new";

/** The filter and Envoy's own, with a token that was seen before and with new ones; ids end with `@seen` or `@new`. */
export async function authenticationVariants(): Promise<Variant[]> {
  const bench = new Bench(await Issuer.create("RS256"));
  return (["seen", "new"] as const).flatMap((familiarity) => [
    bench.noFilter("RS256", familiarity),
    bench.ours("RS256", familiarity, true),
    bench.ours("RS256", familiarity, false),
    bench.native("RS256", familiarity, { forward: true, cache: true }),
    bench.native("RS256", familiarity, { forward: true, cache: false }),
    bench.native("RS256", familiarity, { forward: false, cache: true }),
    bench.floor("RS256", familiarity),
    ...(familiarity === "new" ? bench.verification("RS256") : []),
  ]);
}

/** Both filters with new tokens of each algorithm; ids are `ours-`, `native-` and `verification-ALGORITHM@new`. */
export async function algorithmVariants(): Promise<Variant[]> {
  const bench = new Bench(await Issuer.create(...ALGORITHMS));
  return [
    bench.noFilter("RS256", "new"),
    ...ALGORITHMS.flatMap((algorithm) => [
      bench.ours(algorithm, "new", true, `ours-${algorithm}`),
      bench.native(algorithm, "new", { forward: true, cache: false }, `native-${algorithm}`),
    ]),
    ...bench.verification("RS256"),
    ...bench.verification("ES256").slice(1),
  ];
}

class Bench {
  private readonly pools = new Map<Algorithm, Requests>();
  private readonly issuer: Issuer;

  constructor(issuer: Issuer) {
    this.issuer = issuer;
  }

  noFilter(algorithm: Algorithm, familiarity: Familiarity): Variant {
    return {
      id: `no-filter@${familiarity}`,
      title: "no filter",
      prepare: async () => ({ filters: [] }),
      ...this.sends(algorithm, familiarity),
    };
  }

  ours(algorithm: Algorithm, familiarity: Familiarity, forward: boolean, id = forward ? "ours" : "ours-removed"): Variant {
    const configuration = authenticationConfiguration(this.issuer.jwks, forward);
    return {
      id: `${id}@${familiarity}`,
      title: `filter \`authentication\`, ${forwarding(forward)}`,
      ...this.asks(algorithm, familiarity, forward),
      async prepare() {
        const module = await built("dist/filters/authentication.wasm");
        return "missing" in module ? module : { filters: [wasmFilter(module.module, { configuration })] };
      },
      check: (counters) => checkCache(counters, "wasmcustom.authentication.jwt_cache", familiarity),
    };
  }

  /** What `ours` asks of the host; of a new token the verification is of the same one each time. */
  floor(algorithm: "RS256" | "ES256", familiarity: Familiarity): Variant {
    const isNew = familiarity === "new";
    const { issuer } = this;
    return {
      id: `floor@${familiarity}`,
      title: "the same hostcalls in C, token forwarded",
      ...this.sends(algorithm, familiarity),
      async prepare() {
        const module = await (isNew ? FLOORS["authentication-new"]() : FLOORS.authentication());
        if ("missing" in module) return module;
        return { filters: [wasmFilter(module.module, isNew ? { configuration: issuer.verification(algorithm) } : {})] };
      },
    };
  }

  native(
    algorithm: Algorithm,
    familiarity: Familiarity,
    options: { readonly forward: boolean; readonly cache: boolean },
    id?: string,
  ): Variant {
    const own = id ?? `native${options.cache ? "-cache" : ""}${options.forward ? "" : "-removed"}`;
    return {
      id: `${own}@${familiarity}`,
      title: `native \`jwt_authn\` ${options.cache ? "with" : "without"} cache, ${forwarding(options.forward)}`,
      ...this.asks(algorithm, familiarity, options.forward),
      prepare: async () => ({ filters: [jwtAuthn(this.issuer.jwks, { issuer: ISSUER, audiences: [AUDIENCE] }, options)] }),
      ...(options.cache ? { check: (counters: Counters) => checkCache(counters, "http.bench.jwt_authn.jwt_cache", familiarity) } : {}),
    };
  }

  /** A module that does nothing, and one that calls Envoy's `verify_signature` and nothing else: between them is the verification. */
  verification(algorithm: "RS256" | "ES256"): Variant[] {
    const module = (id: string, title: string, configuration?: Json | Uint8Array): Variant => ({
      id: `${id}@new`,
      title,
      ...this.sends(algorithm, "new"),
      async prepare() {
        const result = await build(c("bench-verify-signature", join(REPOSITORY, "test/bench/verify-signature/index.c")));
        return "missing" in result
          ? result
          : { filters: [wasmFilter(result.module, configuration === undefined ? {} : { configuration })] };
      },
    });
    const called = module(`verification-${algorithm}`, `\`verify_signature\`, ${algorithm}`, this.issuer.verification(algorithm));
    return [module("no-verification", "the same without a call"), called];
  }

  private asks(
    algorithm: Algorithm,
    familiarity: Familiarity,
    forward: boolean,
  ): Pick<Variant, "request" | "requests" | "expected" | "refused"> {
    const { request, requests } = this.sends(algorithm, familiarity);
    const token = tokenOf(request);
    // Another token's signature.
    const other = this.issuer.token(algorithm, 1);
    const forged = `${token.slice(0, token.lastIndexOf("."))}${other.slice(other.lastIndexOf("."))}`;
    return {
      request,
      requests,
      expected: { "x-seen-authorization": forward ? `Bearer ${token}` : undefined },
      refused: requestWith(forged),
    };
  }

  private sends(algorithm: Algorithm, familiarity: Familiarity): { readonly request: HeaderList; readonly requests: Requests } {
    const pool = this.pool(algorithm);
    return { request: pool.first, requests: familiarity === "seen" ? repeated(pool.first) : pool };
  }

  private pool(algorithm: Algorithm): Requests {
    const known = this.pools.get(algorithm);
    if (known !== undefined) return known;
    const pool = inTurn(Array.from({ length: POOL }, (_, i) => requestWith(this.issuer.token(algorithm, i))));
    this.pools.set(algorithm, pool);
    return pool;
  }
}

/** One issuer whose tokens every request must have. */
export function authenticationConfiguration(jwks: string, forwardOriginalToken: boolean): Json {
  return { jwtRules: [{ issuer: ISSUER, audiences: [AUDIENCE], jwks, forwardOriginalToken }], required: true };
}

/** A request as an API's client sends it. */
export function requestWith(token: string): HeaderList {
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", "shop.example.com"],
    [":path", "/api/v1/items/4711?fields=name,price"],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
    ["accept", "application/json"],
    ["authorization", `Bearer ${token}`],
  ];
}

function tokenOf(request: HeaderList): string {
  return request.find(([name]) => name === "authorization")?.[1].replace("Bearer ", "") ?? "";
}

function forwarding(forward: boolean): string {
  return forward ? "token forwarded" : "token removed";
}

/** What is meant to be seen must be found in the cache, what is meant to be new must not. The first few requests may be otherwise. */
function checkCache(counters: Counters, prefix: string, familiarity: Familiarity): string | undefined {
  const [hits, misses] = ["hit", "miss"].map((kind) => counters.get(`${prefix}_${kind}`) ?? 0);
  if (hits === undefined || misses === undefined) return "nothing was counted";
  const share = hits / (hits + misses);
  if (familiarity === "seen" ? share > 0.99 : share < 0.01) return undefined;
  return `${hits} tokens were found in the cache, ${misses} were not`;
}
