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
      comment: "Of the harness, the control service imports the in-process host, and how folders are made.",
      severity: "error",
      from: { path: "^control/", pathNot: TESTS },
      to: { path: "^harness/(?!host/|target/|make-folder\\.ts$)|^cli/" },
    },
    {
      name: "model-knows-nobody",
      comment: "control/model is what the rest of the control service speaks of; it imports nothing of it.",
      severity: "error",
      from: { path: "^control/model/", pathNot: TESTS },
      to: { path: "^(control/(?!model/)|harness/|cli/|filters/)" },
    },
    {
      name: "kinds-are-strangers",
      comment: "A kind imports its own folder and control/model.",
      severity: "error",
      from: { path: "^control/kinds/([^/]+)/", pathNot: TESTS },
      to: { path: "^control/", pathNot: "^control/(model/|kinds/$1/)" },
    },
    {
      name: "sources-are-strangers",
      comment: "A source imports its own folder and control/model.",
      severity: "error",
      from: { path: "^control/sources/([^/]+)/", pathNot: TESTS },
      to: { path: "^control/", pathNot: "^control/(model/|sources/$1/)" },
    },
    {
      name: "proof-stands-alone",
      comment: "control/proof loads configurations into modules; which resource they are of, it need not know.",
      severity: "error",
      from: { path: "^control/proof/", pathNot: TESTS },
      to: { path: "^control/(?!proof/)" },
    },
    {
      name: "identity-stands-alone",
      comment: "control/identity knows keys, certificates and tokens; of the mesh it is told what it needs.",
      severity: "error",
      from: { path: "^control/identity/", pathNot: TESTS },
      to: { path: "^control/(?!identity/|model/|envoy-api/)" },
    },
    {
      name: "xds-server-knows-no-type",
      comment: "The protocol is the same for every resource type; what differs is data that the composition root hands in.",
      severity: "error",
      from: { path: "^control/xds/(server|transport)/", pathNot: TESTS },
      to: { path: "^control/(?!xds/(server|transport)/|envoy-api/|metrics/|tls/)" },
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
      comment:
        "vitest is an optional peer dependency: only harness/vitest.ts, harness/scenario/ and harness/matchers/ import it, and what the plugin starts for a test file; the plugin has its types.",
      severity: "error",
      from: {
        path: "^(harness|control|cli)/",
        pathNot: `${TESTS}|^harness/(vitest\\.ts$|scenario/|matchers/|assemblyscript/(plugin|spare-processes|test-process)\\.ts$)`,
      },
      to: { path: "node_modules/vitest/" },
    },
    {
      name: "vitest-entry-apart",
      comment: "Who uses the harness without vitest must not load it.",
      severity: "error",
      from: {
        path: "^(harness/(?!vitest\\.ts$|scenario/|matchers/vitest\\.ts$|assemblyscript/test-process\\.ts$)|control/|cli/)",
        pathNot: TESTS,
      },
      to: { path: "^harness/(vitest\\.ts$|scenario/|matchers/vitest\\.ts$)" },
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
      comment: "In the harness, of what runs: a host and what it hosts refer to each other's types.",
      severity: "error",
      from: { path: "^harness/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-cycles-of-types",
      comment: "Everywhere else of types, too: what two files share has a file of its own.",
      severity: "error",
      from: { path: "^(control/(?!envoy-api/generated/)|cli|scripts)/" },
      to: { circular: true },
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
