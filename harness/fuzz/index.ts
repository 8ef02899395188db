export { Corpus, CorpusError } from "./corpus.ts";
export { Dictionary } from "./dictionary.ts";
export type { Finding, FindingKind } from "./finding.ts";
export { Fuzzer, type FuzzOptions, type FuzzProgress } from "./fuzzer.ts";
export { reproduction } from "./reproduction.ts";
