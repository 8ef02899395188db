import "./matchers/vitest.ts";

export * from "./scenario/index.ts";
