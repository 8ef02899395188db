import "./matchers/index.ts";

export * from "./scenario/index.ts";
