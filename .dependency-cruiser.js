// Who may import whom. The same rules hold for AssemblyScript and TypeScript; `scripts/import-rules.test.ts` shows that each is enforced.

const TESTS = "\\.(test|scenarios)\\.ts$|\\.mts$|^test/|(^|/)testing(\\.ts$|/)";

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "filters-lib-is-pure",
      comment: "filters/lib are algorithms on bytes: they know neither the SDK nor a filter.",
      severity: "error",
      from: { path: "^filters/lib/", pathNot: TESTS },
      to: { path: "^filters/(?!lib/)" },
    },
    {
      name: "sdk-knows-no-filter",
      comment: "filters/sdk imports filters/lib at most.",
      severity: "error",
      from: { path: "^filters/sdk/", pathNot: TESTS },
      to: { path: "^filters/(?!lib/|sdk/)" },
    },
    {
      name: "filters-are-strangers",
      comment: "A filter imports its own folder, filters/sdk and filters/lib; only filters/mesh imports other filters.",
      severity: "error",
      from: { path: "^filters/(?!lib/|sdk/|mesh/|testing/)([^/]+)/", pathNot: TESTS },
      to: { path: "^filters/(?!lib/|sdk/)([^/]+)/", pathNot: "^filters/$1/" },
    },
    {
      name: "filters-are-assemblyscript",
      comment: "A filter is compiled by asc alone: no TypeScript of this repository, no package.",
      severity: "error",
      from: { path: "^filters/[^/]+/", pathNot: TESTS },
      to: { pathNot: "^filters/" },
    },
    {
      name: "harness-stands-alone",
      comment: "The harness starts the control service as a process; it imports neither control/ nor cli/.",
      severity: "error",
      from: { path: "^harness/" },
      to: { path: "^(control|cli)/" },
    },
    {
      name: "control-proves-with-the-host",
      comment: "Of the harness, the control service imports the in-process host only.",
      severity: "error",
      from: { path: "^control/", pathNot: TESTS },
      to: { path: "^harness/(?!host/|target/)|^cli/" },
    },
    {
      name: "filters-as-built-modules",
      comment: "harness/, control/ and cli/ reach filters through filters/index.ts: built modules, schemas and manifests.",
      severity: "error",
      from: { path: "^(harness|control|cli)/", pathNot: TESTS },
      to: { path: "^filters/", pathNot: "^filters/index\\.ts$" },
    },
    {
      name: "nobody-imports-tests",
      comment: "test/ is what it is: cross-cutting tests. scripts/ serve the repository. Neither is part of the package.",
      severity: "error",
      from: { path: "^(filters|harness|control|cli)/", pathNot: TESTS },
      to: { path: "^(test|scripts)/|\\.(test|scenarios)\\.ts$" },
    },
    {
      name: "optional-peers-are-loaded-when-needed",
      comment: "testcontainers is an optional peer dependency: `await import()` it where a container is started.",
      severity: "error",
      from: { path: "^(harness|control|cli)/", pathNot: TESTS },
      to: { path: "node_modules/testcontainers/", dynamic: false, dependencyTypesNot: ["type-only", "type-import"] },
    },
    {
      name: "vitest-only-in-its-entry",
      comment: "vitest is an optional peer dependency: only harness/vitest.ts, harness/scenario/ and harness/matchers/ import it.",
      severity: "error",
      from: { path: "^(harness|control|cli)/", pathNot: `${TESTS}|^harness/(vitest\\.ts$|scenario/|matchers/)` },
      to: { path: "node_modules/vitest/" },
    },
    {
      name: "vitest-entry-apart",
      comment: "Who uses the harness without vitest must not load it.",
      severity: "error",
      from: { path: "^(harness/(?!vitest\\.ts$|scenario/|matchers/)|control/|cli/)", pathNot: TESTS },
      to: { path: "^harness/(vitest\\.ts$|scenario/|matchers/)" },
    },
    {
      name: "production-uses-dependencies",
      comment: "What the package runs with stands in `dependencies` or `peerDependencies`.",
      severity: "error",
      from: { path: "^(harness|control|cli)/", pathNot: TESTS },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg"], dependencyTypesNot: ["npm-peer", "type-only"] },
    },
    { name: "everything-resolves", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "no-cycles",
      comment: "Of what runs; types may refer to each other.",
      severity: "error",
      from: { path: "^(harness|control|cli|scripts)/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|\\.cache)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
      extensions: [".ts", ".mts", ".mjs", ".js"],
    },
  },
};
