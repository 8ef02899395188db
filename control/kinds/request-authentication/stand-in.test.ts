import { expect, test } from "vitest";
import { readManifests } from "../../model/manifest/read-manifests.ts";
import { Kinds, readObject } from "../../model/objects/index.ts";
import type { RequestAuthenticationSpec } from "./fields.ts";
import { requestAuthentication } from "./index.ts";

const kinds = new Kinds([requestAuthentication]);

/** What stands in for a policy: for whom, and in which places it refuses all tokens. */
function standIn(spec: string) {
  const [manifest] = readManifests(
    "a.yaml",
    `{ apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: { name: a }, spec: ${spec} }`,
  ).manifests;
  if (manifest === undefined) throw new Error("no manifest");
  const read = readObject(manifest, kinds);
  expect(read.object).toBeUndefined();
  const { selector, jwtRules } = read.standIn?.spec as RequestAuthenticationSpec;
  return {
    selector: selector?.matchLabels,
    places: jwtRules.map(({ fromHeaders, fromParams, fromCookies }) => [
      ...fromHeaders.map(({ name }) => name),
      ...fromParams,
      ...fromCookies,
    ]),
    headers: jwtRules.flatMap(({ outputPayloadToHeader = [], outputClaimToHeaders }) =>
      [outputPayloadToHeader, outputClaimToHeaders.map(({ header }) => header)].flat(),
    ),
    issuers: new Set(jwtRules.map(({ issuer }) => issuer)),
  };
}

test.each<[string, string, object]>([
  ["a field that is not known", "{ rules: [] }", { places: [[]] }],
  ["a selector that can be read", "{ selector: { matchLabels: { app: a } }, rules: [] }", { selector: { app: "a" }, places: [[]] }],
  ["a selector that cannot, for everybody", "{ selector: { matchLabel: { app: a } } }", { selector: undefined, places: [[]] }],
  ["what is no mapping", "[]", { places: [[]] }],
  ["rules that are no list", "{ jwtRules: { issuer: a } }", { places: [[]] }],
  [
    "places that can be read, beside others",
    '{ jwtRules: [{ issuer: "", fromHeaders: [{ name: x-a }, { name: "x b" }], fromParams: [b, ""], fromCookies: [c, 1] }, 7] }',
    { places: [[], ["x-a", "b", "c"], []] },
  ],
  [
    "headers that nobody else may write",
    '{ jwtRules: [{ issuer: "", outputPayloadToHeader: x-p, outputClaimToHeaders: [{ header: x-c, claim: c }, { header: x-d }] }] }',
    { headers: ["x-p", "x-c"] },
  ],
])("%s", (_, spec, expected) => {
  expect(standIn(spec)).toMatchObject({ ...expected, issuers: new Set(["urn:meshwright:refused"]) });
});
