/**
 * Records which path templates Envoy's `envoy.path.match.uri_template` accepts, what they match and what a rewrite makes of a match, into
 * the table that the test beside this file reads: `ENVOY_BIN=... node filters/lib/glob/record.mts`. The seed is fixed.
 */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as fc from "fast-check";
import { envoyVersion, mapConcurrently, RecordingEnvoy, validate } from "../../testing/recording-envoy.ts";

const SEED = 20261121;

const templates = [...new Set([...handWrittenTemplates(), ...generatedTemplates()])];
const rewrites: readonly (readonly [template: string, rewrite: string])[] = [
  ["/users/{user}/files/{path=**}", "/files/{path}/of/{user}"],
  ["/v{version}/{rest=**}", "/{rest}/{version}"],
  ["/{a=x/*}/{b}.js", "/{b}/{a}"],
  ["/{a=**}-end", "/{a}"],
  ["/{a}/{a2=b/c}", "/{a2}{a}x"],
  ["/a", "/b"],
  ["/{a}", "/"],
];
const doubtfulRewrites: readonly (readonly [template: string, rewrite: string])[] = [
  ["/{a}", ""],
  ["/{a}", "a"],
  ["/{a}", "/{b}"],
  ["/{a}", "//{a}"],
  ["/{a}", "/{a"],
  ["/{a}", "/{}"],
  ["/{a}", "/a b"],
  ["/{a}", "/{1}"],
  ["/{a}", "/{a}}"],
  ["/{a}", "/*{a}=%41"],
  ["/{a}", "/{a}//"],
  ["/{a}", "/{a}/"],
  ["/{a}", "/{a}{a}"],
  ["/{a}", "/?x"],
  ["/{a}", "{a}"],
];

function handWrittenTemplates(): string[] {
  const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index));
  return [
    "/",
    "//",
    "/a",
    "/a/",
    "/a//b",
    "a",
    "",
    "*",
    "/ a",
    "/a b",
    "/\u00e9",
    "/*",
    "/**",
    "/***",
    "/****",
    "/*/",
    "/**/",
    "/*/*",
    "/*/**",
    "/**/*",
    "/**/**",
    "/**/a",
    "/**/a/b",
    "/a/**/b",
    "/a/*/b",
    "/a/*/**/b",
    "/*.js",
    "/**.js",
    "/*.js/b",
    "/**.js/b",
    "/*a",
    "/a*",
    "/a*b",
    "/a**",
    "/*a*",
    "/{a}",
    "/{a}/",
    "/{a}/{b}",
    "/{a}{b}",
    "/{a}.js",
    "/{a}.js/b",
    "/x{a}",
    "/x{a}y",
    "/x{a}y/z",
    "/x{a}y{b}",
    "/x{a}/y{b}z",
    "/{a=*}",
    "/{a=**}",
    "/{a=b}",
    "/{a=b/c}",
    "/{a=*/c}",
    "/{a=*/**}",
    "/{a=**/*}",
    "/{a=**/b}",
    "/{a=***}",
    "/{a=*b}",
    "/{a=b*}",
    "/{a=**b}",
    "/{a=b=c}",
    "/{a=}",
    "/{a=/b}",
    "/{a=b/}",
    "/{a=b//c}",
    "/{a=x/*}/b",
    "/x{a=x/*}",
    "/x{a=*}y",
    "/x{a=**}y",
    "/{a=**}/b",
    "/{a=**}x",
    "/{a=**}/{b}",
    "/{a=**}/*",
    "/{}",
    "/{a",
    "/a}",
    "/{1}",
    "/{_a}",
    "/{a_1}",
    "/{a-b}",
    "/{*}",
    "/{**}",
    "/a{",
    "/a{b}}",
    "/{a=b{c}",
    "/{a}*",
    "/{a}**",
    "/*{a}",
    "/a*{b}",
    "/{abcdefghijklmnop}",
    "/{abcdefghijklmnopq}",
    "/{a}/{b}/{c}/{d}/{e}",
    "/{a}/{b}/{c}/{d}/{e}/{f}",
    "/{a}/{a}",
    "/{a}/b/*/{c=**}",
    "/a.b",
    "/a+b",
    "/(a)",
    "/$a",
    "/a%2Fb",
    "/%",
    "/a;b",
    "/a,b:c@d!e~f'g&h",
    "/*;x",
    "/a/b.c/*.d",
    ...printable.map((character) => `/a${character}b`),
    ...printable.map((character) => `/{v}${character}`),
  ];
}

function generatedTemplates(): string[] {
  const token = fc.constantFrom(..."/ / / / a b * ** {v} {w=*} {x=**} {y=a/*} {z=a/b} .js * =".split(" "));
  const template = fc.array(token, { minLength: 1, maxLength: 7 }).map((parts) => "/" + parts.join(""));
  return fc.sample(template, { seed: SEED, numRuns: 350 });
}

function paths(): string[] {
  const token = fc.constantFrom(..."/ / / / a b x y z c.js .js - ; * = a.js end".split(" "));
  const path = fc.array(token, { maxLength: 8 }).map((parts) => "/" + parts.join(""));
  const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index)).filter(
    (character) => character !== "#" && character !== "?",
  );
  return [
    "/",
    "//",
    "/a",
    "/a/",
    "/a/b",
    "/a//b",
    "/a/b/",
    "/a/b/c",
    "/a/x/b",
    "/a/x/y/b",
    "/x",
    "/x.js",
    "/.js",
    "/x/y.js",
    "/a.js/b",
    "/xay/z",
    "/xa/ybz",
    "/xy",
    "/a/b.c/x.d",
    "/a%2Fb",
    "/a?b/c",
    "/users/joe/files/a/b",
    "/users/joe/files/",
    "/users/joe/files",
    "/v2/a",
    "/v/a",
    "/v2/",
    "/x/q/r.js",
    "/a-end",
    "/-end",
    "/a/b-end",
    "/aab",
    "/ab",
    "/axb",
    "/\u00e9",
    "/a\u00e9b",
    "/q/b/c",
    ...printable.map((character) => `/a${character}b`),
    ...fc.sample(path, { seed: SEED, numRuns: 120 }),
  ];
}

function matcher(template: string): object {
  return {
    name: "template",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
      path_template: template,
    },
  };
}

function rewriter(rewrite: string): object {
  return {
    name: "rewrite",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig",
      path_template_rewrite: rewrite,
    },
  };
}

/** A manager with a virtual host for each template; the host's name is the template's index. */
function manager(list: readonly string[]): object {
  const answer = { direct_response: { status: 200 } };
  const hosts = list.map((template, index) => ({
    name: `${index}`,
    domains: [`t${index}`],
    routes: [{ match: { path_match_policy: matcher(template) }, ...answer }],
  }));
  return { route_config: { virtual_hosts: hosts } };
}

/** A manager that sends what a template matches to the upstream with the rewritten path. */
function rewriting(list: readonly (readonly [string, string])[]): object {
  const hosts = list.map(([template, rewrite], index) => ({
    name: `${index}`,
    domains: [`t${index}`],
    routes: [{ match: { path_match_policy: matcher(template) }, route: { cluster: "upstream", path_rewrite_policy: rewriter(rewrite) } }],
  }));
  return { route_config: { virtual_hosts: hosts } };
}

const accepted = await mapConcurrently(templates, 4, async (template) => (await validate({ one: manager([template]) })) === null);
const acceptedRewrite = await mapConcurrently(doubtfulRewrites, 4, async (pair) => (await validate({ one: rewriting([pair]) })) === null);
const valid = templates.filter((_, index) => accepted[index]);
const pathList = [...new Set(paths())];

const upstream = createServer((request, response) => response.setHeader("x-path", request.url ?? "").end());
await once(upstream.listen(0, "127.0.0.1"), "listening");
await using envoy = await RecordingEnvoy.start(
  { match: manager(valid), rewrite: rewriting(rewrites) },
  (upstream.address() as AddressInfo).port,
);
const matches = await mapConcurrently(valid, 1, async (template) => {
  const host = `t${valid.indexOf(template)}`;
  const statuses = await mapConcurrently(pathList, 16, async (path) => (await envoy.request("match", path, { Host: host })).status);
  return [template, pathList.map((_, index) => index).filter((index) => statuses[index] === 200)];
});
const rewritten = await mapConcurrently(rewrites, 1, async ([template, rewrite]) => {
  const host = `t${rewrites.findIndex((pair) => pair[0] === template && pair[1] === rewrite)}`;
  const results = await mapConcurrently(pathList, 16, async (path) =>
    (await envoy.request("rewrite", path, { Host: host })).headers.get("x-path"),
  );
  return [template, rewrite, pathList.flatMap((path, index) => (results[index] === undefined ? [] : [[path, results[index]]]))];
});
upstream.close();

const lines = (rows: readonly unknown[]): string => `[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]`;
const note = `Recorded from Envoy ${await envoyVersion()} by record.mts in this folder. A template comes with the indexes of the paths that it matches.`;
const sections = {
  note: JSON.stringify(note),
  paths: lines(pathList),
  templates: lines(matches),
  refused: lines(templates.filter((_, index) => !accepted[index])),
  rewrites: lines(rewritten),
  rewritesAccepted: lines(doubtfulRewrites.map((pair, index) => [...pair, acceptedRewrite[index]])),
};
const text = Object.entries(sections).map(([name, value]) => `${JSON.stringify(name)}: ${value}`);
await writeFile(new URL("template.vectors.json", import.meta.url), `{\n${text.join(",\n")}\n}\n`);
