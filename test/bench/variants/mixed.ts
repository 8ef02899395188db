import { createHash } from "node:crypto";
import type { HeaderList } from "../../../harness/target/index.ts";
import type { Asked, Requests } from "../client/requests.ts";
import { wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { built } from "./header-job.ts";
import { ISSUER, Issuer } from "./tokens.ts";
import type { Counters, Prepared, Variant } from "./variant.ts";

const KEY = "the key of the nightly batch";

/** Members may see their account, staff may do more, the public sees what is public, and jobs are for those who have a key. */
const POLICIES = [
  {
    name: "no-strangers",
    action: "DENY",
    rules: [{ from: [{ source: { notRequestPrincipals: ["*"] } }], to: [{ operation: { paths: ["/admin/*"] } }] }],
  },
  {
    name: "readers",
    action: "ALLOW",
    rules: [
      { to: [{ operation: { methods: ["GET"], paths: ["/public/*"] } }] },
      { from: [{ source: { requestPrincipals: [`${ISSUER}/*`] } }], to: [{ operation: { paths: ["/account/*"] } }] },
      { to: [{ operation: { paths: ["/admin/*"] } }], when: [{ key: "request.auth.claims[groups]", values: ["staff"] }] },
      { to: [{ operation: { paths: ["/jobs/*"] } }], when: [{ key: "request.auth.consumer", values: ["batch"] }] },
    ],
  },
];

/** What acts on traffic, for the same requests: a route by header, a fault for testers, a bucket for each user, metrics for all. */
const TRAFFIC = {
  routing: { rules: [{ name: "public", match: { uri: { prefix: "/public/" } }, headers: { request: { set: { "x-tier": "public" } } } }] },
  fault: {
    rules: [
      { name: "never", match: { headers: { "x-fault": { exact: "abort" } } }, abort: { percentage: { value: 100 }, httpStatus: 503 } },
    ],
  },
  ratelimit: {
    limits: [
      {
        name: "users",
        descriptors: [{ requestPrincipal: true, skipIfAbsent: true }],
        tokenBucket: { maxTokens: 1_000_000, tokensPerFill: 1_000_000, fillInterval: "1s" },
      },
    ],
  },
  telemetry: { mode: "inbound" },
};

type Case = (i: number) => { readonly path: string; readonly headers?: HeaderList; readonly allowed: boolean };

/** `authentication` and `authorization`, one after the other, and requests of every sort: with tokens and keys, seen, new and bad, for what they may and may not do. */
export async function mixed(): Promise<Variant> {
  return mixedWith("mixed", "filters `authentication` and `authorization`, mixed requests", async (configurations) => {
    const filters: Json[] = [];
    for (const [name, configuration] of Object.entries(configurations)) {
      const module = await built(`dist/filters/${name}.wasm`);
      if ("missing" in module) return module;
      filters.push(wasmFilter(module.module, { vmId: `mixed-${name}`, configuration }));
    }
    return { filters };
  });
}

/** The same requests through `mesh` with every filter of its downstream chain. */
export async function mixedMesh(): Promise<Variant> {
  return mixedWith("mixed-mesh", "`mesh` with six filters, mixed requests", async (configurations) => {
    const module = await built("dist/filters/mesh.wasm");
    if ("missing" in module) return module;
    const members = Object.entries({ ...configurations, ...TRAFFIC }).map(([name, configuration]) => ({ name, configuration }));
    return { filters: [wasmFilter(module.module, { vmId: "mixed-mesh", configuration: { filters: members } })] };
  });
}

async function mixedWith(
  id: string,
  title: string,
  prepare: (configurations: Readonly<Record<string, Json>>) => Promise<Prepared>,
): Promise<Variant> {
  const issuer = await Issuer.create("RS256", "ES256", "HS256");
  const apiKeys = [{ fromHeaders: [{ name: "x-api-key" }], consumers: [{ name: "batch", sha256: [sha256(KEY)] }] }];
  const authentication = { jwtRules: [{ issuer: ISSUER, jwks: issuer.jwks }], apiKeys };
  const request = requestOf("/account/orders", bearer(issuer.token("RS256", 0)));
  return {
    id,
    title,
    request,
    requests: { first: request, at: mixture(casesOf(issuer)), count: Infinity } satisfies Requests,
    expected: { "x-seen-authorization": undefined },
    refused: requestOf("/nothing"),
    check,
    prepare: () => prepare({ authentication, authorization: { policies: POLICIES } }),
  };
}

function casesOf(issuer: Issuer): Case[] {
  const seen = Array.from({ length: 100 }, (_, i) => bearer(issuer.token("RS256", i)));
  const claims = (i: number) => ({ sub: `user-${i}`, jti: String(i), groups: ["members"] });
  const unique = (i: number) => issuer.with("HS256", claims(i));
  const staff = (i: number) => issuer.with("HS256", { ...claims(i), groups: ["members", "staff"] });
  const forged = (i: number) => `${unique(i).slice(0, -8)}${String(i).padStart(8, "A")}`;
  const unsigned = (i: number) => `${encode({ alg: "none" })}.${encode({ iss: ISSUER, ...claims(i) })}.`;
  return [
    (i) => ({ path: "/account/orders", headers: seen[i % seen.length] ?? [], allowed: true }),
    (i) => ({ path: `/admin/users/${i}`, headers: seen[i % seen.length] ?? [], allowed: true }),
    (i) => ({ path: "/nothing", headers: seen[i % seen.length] ?? [], allowed: false }),
    (i) => ({ path: "/account/orders", headers: bearer(unique(i)), allowed: true }),
    (i) => ({ path: "/account/orders", headers: bearer(issuer.with("ES256", claims(i))), allowed: true }),
    (i) => ({ path: "/admin/users", headers: bearer(staff(i)), allowed: true }),
    (i) => ({ path: "/admin/users", headers: bearer(unique(i)), allowed: false }),
    (i) => ({ path: `/account/orders?access_token=${unique(i)}`, allowed: true }),
    () => ({ path: "/public/index.html", allowed: true }),
    (i) => ({ path: `/account/${i}`, allowed: false }),
    () => ({ path: "/admin/users", allowed: false }),
    (i) => ({ path: "/account/orders", headers: bearer(issuer.with("HS256", { ...claims(i), exp: 1_700_000_000 })), allowed: false }),
    (i) => ({
      path: "/public/index.html",
      headers: bearer(issuer.with("HS256", { ...claims(i), iss: `https://${i}.example` })),
      allowed: false,
    }),
    (i) => ({ path: "/account/orders", headers: bearer(forged(i)), allowed: false }),
    (i) => ({ path: "/account/orders", headers: bearer(unsigned(i)), allowed: false }),
    (i) => ({ path: "/account/orders", headers: bearer(`no-token-${i}`), allowed: false }),
    (i) => ({ path: "/account/orders", headers: [...bearer(unique(i)), ...bearer(unique(i + 1))], allowed: false }),
    () => ({ path: "/jobs/nightly", headers: [["x-api-key", KEY]], allowed: true }),
    (i) => ({ path: "/jobs/nightly", headers: [["x-api-key", `guess ${i}`]], allowed: false }),
  ];
}

/** One of the cases for each number, in an order without a pattern that is the same in every run. */
function mixture(cases: readonly Case[]): (i: number) => Asked {
  return (i) => {
    // Multiplication by the golden ratio (Knuth, The Art of Computer Programming, 6.4), of which the upper bits are taken.
    const mixed = Math.imul(i + 1, 0x9e37_79b1) >>> 8;
    const { path, headers, allowed } = cases[mixed % cases.length]?.(i) ?? { path: "/nothing", allowed: false };
    return { headers: requestOf(path, headers), allowed };
  };
}

function check(counters: Counters): string | undefined {
  const count = (name: string) => counters.get(name) ?? 0;
  if (count("http.bench.downstream_rq_5xx") > 0) return `${count("http.bench.downstream_rq_5xx")} answers say that something failed`;
  const names = ["authentication.allowed", "authentication.denied", "authentication.jwt_cache_hit", "authentication.jwt_cache_miss"];
  const never = [...names, "authorization.allowed", "authorization.denied"].filter((name) => count(`wasmcustom.${name}`) < 100);
  return never.length > 0 ? `too rare: ${never.join(", ")}` : undefined;
}

function requestOf(path: string, headers: HeaderList = []): HeaderList {
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", "shop.example.com"],
    [":path", path],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
    ["accept", "application/json"],
    ...headers,
  ];
}

function bearer(token: string): HeaderList {
  return [["authorization", `Bearer ${token}`]];
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
