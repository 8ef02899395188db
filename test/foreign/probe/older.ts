// For Envoy up to 1.38, which loads no module that imports a function it has not.

export * from "./probe";
