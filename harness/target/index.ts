export * from "./exchange.ts";
export * from "./target.ts";
