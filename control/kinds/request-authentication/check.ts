import { Code, type MeshObject, type Report } from "../../model/index.ts";
import type { RequestAuthenticationSpec } from "./fields.ts";

/** Istio's `ValidateRequestAuthentication`, and what it takes though no token can be good. */
export function check({ spec }: MeshObject<RequestAuthenticationSpec>, report: Report): void {
  const { selector, jwtRules } = spec;
  if (selector !== undefined && Object.keys(selector.matchLabels ?? {}).length === 0)
    report("warning", "IST0133", ["spec", "selector"], "a selector without labels selects every workload of the namespace");
  for (const [index, { issuer, jwks, jwksUri }] of jwtRules.entries()) {
    const path = ["spec", "jwtRules", index];
    if (issuer === undefined && jwksUri === undefined)
      report("error", Code.Missing, path, '"issuer" is missing; only beside "jwksUri" it may be, for tokens of whoever has its keys');
    else if (jwks === undefined && jwksUri === undefined && !/^https?:\/\/[^/]/i.test(issuer ?? ""))
      report(
        "warning",
        Code.Surprise,
        [...path, "issuer"],
        "every token of this issuer is refused: it has no keys here, and is no URL at which they could be discovered; write jwks or jwksUri",
      );
  }
}
