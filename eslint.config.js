import { globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

// TypeScript only. AssemblyScript has TypeScript's syntax and other rules (types of numbers, decorators of functions): its compiler is its linter.
const ASSEMBLYSCRIPT = ["filters/**/*.ts", "test/bench/header-job/**/*.ts"];
const TYPESCRIPT_IN_FILTERS = ["!filters/index.ts", "!filters/**/*.test.ts", "!filters/**/*.scenarios.ts", "!filters/testing/*.ts"];

export default tseslint.config(
  globalIgnores([
    "dist/",
    "node_modules/",
    ".cache/",
    "control/envoy-api/generated/",
    "test/foreign/*/",
    ...ASSEMBLYSCRIPT,
    ...TYPESCRIPT_IN_FILTERS,
  ]),
  {
    files: ["**/*.ts", "**/*.mjs"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-constant-binary-expression": "error",
      "no-console": "off",
      "@typescript-eslint/ban-ts-comment": ["error", { "ts-expect-error": "allow-with-description" }],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports", disallowTypeAnnotations: false }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // tsc has them, with better knowledge.
      "@typescript-eslint/no-unused-vars": "off",
      // A method may be async because its interface is.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // `interface Matchers<T> extends ExchangeMatchers<T> {}` is how vitest is told about matchers.
      "@typescript-eslint/no-empty-object-type": ["error", { allowInterfaces: "with-single-extends" }],
    },
  },
  {
    // typescript-eslint does not see the casts of JSDoc; tsc does.
    files: ["**/*.mjs"],
    rules: { "@typescript-eslint/no-unsafe-assignment": "off", "@typescript-eslint/no-unsafe-member-access": "off" },
  },
  {
    // The clock and randomness of the in-process host belong to the test.
    files: ["harness/host/**/*.ts"],
    ignores: ["**/*.test.ts", "harness/host/clock.ts", "harness/host/random.ts"],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Take the time from the host's clock." },
        { object: "Math", property: "random", message: "Take randomness from the host's source." },
        { object: "performance", property: "now", message: "Take the time from the host's clock." },
      ],
    },
  },
  {
    // `rejects.toThrow` and the like are awaited where it matters; expect() itself takes anything.
    files: ["**/*.test.ts", "**/*.scenarios.ts"],
    rules: { "@typescript-eslint/no-unsafe-assignment": "off", "@typescript-eslint/unbound-method": "off" },
  },
);
