export * from "./defaults.ts";
export * from "./exchange.ts";
export * from "./headers.ts";
export * from "./target.ts";
export * from "./transport.ts";
