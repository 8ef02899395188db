// What `import fc from "fast-check"` is in tests (vitest.config.ts): the same, but with the same inputs in every run, so that what fails, fails again. Others come with MESHWRIGHT_SEED, a number, and
// with `npm run soak`.

import original from "../node_modules/fast-check/lib/fast-check.js";

original.configureGlobal({ seed: Number(process.env["MESHWRIGHT_SEED"] ?? 1) });

export * from "../node_modules/fast-check/lib/fast-check.js";
export default original;
