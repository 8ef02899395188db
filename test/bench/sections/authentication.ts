import { measureInterleaved } from "../measure/interleaved.ts";
import { median, pairedDifference, pairedRatio } from "../statistics.ts";
import { algorithmVariants, authenticationVariants } from "../variants/authentication.ts";
import { HEADER_JOB } from "../variants/header-job.ts";
import { ALGORITHMS } from "../variants/tokens.ts";
import { describeMissing, digits, type Section } from "./section.ts";

/** What the design's microseconds were seen beside, to tell how fast this machine is. */
const SCALE = HEADER_JOB.filter(({ id }) => id === "no-filter" || id === "raw-c");

const WAYS = ["ours", "ours-removed", "native-cache", "native", "native-cache-removed"];

export const authentication: Section = {
  id: "authentication",
  title: "Tokens",
  text: "A token of 800 B with RS256 and a key of 2,048 bits, the same in every request or one that comes again after 2,047 others, which no cache here remembers: in the filter `authentication` and in Envoy's `jwt_authn`, which keeps 500 tokens where it has a cache. Added to the same requests without a filter. `verify_signature` alone is what that call adds to a module in C.",
  async run(context) {
    const variants = [...(await authenticationVariants()), ...SCALE];
    const { micros, missing } = await measureInterleaved(variants, context);
    const at = (id: string) => micros.get(id) ?? [];
    const added = (id: string, base: string) => (at(id).length === 0 ? NaN : pairedDifference([at(id), at(base)]));
    const figures: Record<string, number> = {};
    const rows = WAYS.map((id) => {
      const title = variants.find((variant) => variant.id === `${id}@seen`)?.title ?? id;
      const cells = ["seen", "new"].map((familiarity) => {
        figures[`${id}@${familiarity}`] = added(`${id}@${familiarity}`, `no-filter@${familiarity}`);
        return digits(figures[`${id}@${familiarity}`] ?? NaN);
      });
      return [title, ...cells];
    });
    const floor = (["seen", "new"] as const).map((familiarity) => {
      figures[`floor@${familiarity}`] = added(`floor@${familiarity}`, `no-filter@${familiarity}`);
      return digits(figures[`floor@${familiarity}`] ?? NaN);
    });
    if (!missing.has("floor@seen")) rows.push(["the same hostcalls in C, token forwarded", ...floor]);
    const verification = (figures["verification"] = added("verification-RS256@new", "no-verification@new"));
    rows.push(["`verify_signature` alone", "", digits(verification)]);
    figures["raw-c"] = added("raw-c", "no-filter");
    rows.push(["for scale: the header job in C", digits(figures["raw-c"]), ""]);
    // Round by round, as a difference is.
    for (const id of ["ours@new", "floor@new"]) {
      const beyond = at(id).map((own, i) => {
        const parts = ["no-filter@new", "verification-RS256@new", "no-verification@new"].map((part) => at(part)[i]);
        const [base = NaN, called = NaN, idle = NaN] = parts;
        return own - base - (called - idle);
      });
      if (beyond.length > 0) figures[`${id}-verification`] = median(beyond);
    }
    for (const familiarity of ["seen", "new"]) {
      const [own, native, base] = ["ours", "native-cache", "no-filter"].map((id) => at(`${id}@${familiarity}`));
      if (own?.length && native?.length && base) figures[`ours/native-cache@${familiarity}`] = pairedRatio(own, native, base);
    }
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches`,
      columns: ["added, µs", "seen before", "new"],
      rows,
      figures,
      missing: describeMissing(variants, missing),
    };
  },
};

/** The slowest algorithm takes as long for a batch as all others for ten. */
const SHARE = 5;

export const algorithms: Section = {
  id: "algorithms",
  title: "New tokens by algorithm",
  text: "New tokens of 800 B, with RSA keys of 2,048 bits. RS and ES are verified by Envoy's `verify_signature`, which the filter calls, the others by code of its own; `jwt_authn` verifies all in BoringSSL.",
  async run(context) {
    const batches = Math.ceil(context.batches / SHARE);
    const variants = await algorithmVariants();
    const { micros, missing } = await measureInterleaved(variants, { ...context, batches });
    const at = (id: string) => micros.get(`${id}@new`) ?? [];
    const figures: Record<string, number> = {};
    const rows = ALGORITHMS.map((algorithm) => {
      const cells = [
        [`ours-${algorithm}`, "no-filter"],
        [`native-${algorithm}`, "no-filter"],
        [`verification-${algorithm}`, "no-verification"],
      ].map(([id = "", base = ""]) => {
        if (at(id).length === 0 || at(base).length === 0) return "";
        figures[id] = pairedDifference([at(id), at(base)]);
        return digits(figures[id]);
      });
      return [algorithm, ...cells];
    });
    return {
      effort: `${context.rounds} rounds of ${batches} batches`,
      columns: ["added, µs", "`authentication`", "`jwt_authn`", "`verify_signature` alone"],
      rows,
      figures,
      missing: describeMissing(variants, missing),
    };
  },
};
