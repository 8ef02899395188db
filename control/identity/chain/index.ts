/** Certificates as they are read, and whether a chain of them leads to a root that is trusted. */
export { Certificate, type Extensions, type SubjectAlternativeName } from "./certificate.ts";
export { type ChainProblem, type ChainProblemCode, chainProblems } from "./chain-problems.ts";
export { certificateIdentity } from "./certificate-identity.ts";
export { pathOf } from "./path.ts";
export { pemOf, type PemBlock, readPem } from "./pem.ts";
