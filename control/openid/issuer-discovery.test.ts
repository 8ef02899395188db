import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type IssuerKeys, readJwksUri } from "../model/index.ts";
import { IssuerDiscovery } from "./issuer-discovery.ts";

const A = "https://a.example.com";
const B = "https://b.example.com/tenant/";
const TOLD = (uri: string) => JSON.stringify({ issuer: "x", jwks_uri: uri });

let answers: Map<string, string | Error>;
let asked: string[];
let heard: (readonly [issuer: string, uri: string | undefined, problem: string | undefined])[][];
let discovery: IssuerDiscovery;

const issuers = (...names: string[]) => new Map(names.map((name) => [name, 1_000]));

beforeEach(() => {
  vi.useFakeTimers();
  answers = new Map<string, string | Error>([
    [`${A}/.well-known/openid-configuration`, TOLD("https://a.example.com/keys")],
    ["https://b.example.com/tenant/.well-known/openid-configuration", TOLD("https://keys.example.com/b")],
  ]);
  asked = [];
  heard = [];
  discovery = new IssuerDiscovery({
    fetch: (url) => {
      asked.push(url);
      const answer = answers.get(url) ?? new Error("status 404");
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    said: (said) => heard.push(Array.from(said, ([issuer, { uri, problem }]) => [issuer, uri?.uri, problem] as const)),
  });
});
afterEach(() => {
  discovery[Symbol.dispose]();
  vi.useRealTimers();
});

test("asks each issuer once, where OpenID has its document, and tells what all have said", async () => {
  discovery.want(issuers(A, B));
  discovery.want(issuers(A, B));
  await discovery.asked();
  expect(asked).toEqual([...answers.keys()]);
  expect(heard.at(-1)).toEqual([
    [A, "https://a.example.com/keys", undefined],
    [B, "https://keys.example.com/b", undefined],
  ]);
});

test("asks again after 20 minutes, and tells only of what is another", async () => {
  discovery.want(issuers(A));
  await discovery.asked();
  await vi.advanceTimersByTimeAsync(20 * 60_000);
  expect([asked.length, heard.length]).toEqual([2, 1]);
  answers.set(asked[0] ?? "", TOLD("https://a.example.com/new"));
  await vi.advanceTimersByTimeAsync(20 * 60_000);
  expect(heard.at(-1)).toEqual([[A, "https://a.example.com/new", undefined]]);
});

test("keeps what an issuer said before where it says nothing more, and asks again soon, less and less often", async () => {
  discovery.want(issuers(A));
  await discovery.asked();
  answers.set(asked[0] ?? "", new Error("status 503"));
  await vi.advanceTimersByTimeAsync(20 * 60_000);
  expect(heard.at(-1)).toEqual([[A, "https://a.example.com/keys", "status 503"]]);
  const count = asked.length;
  await vi.advanceTimersByTimeAsync(7_000);
  expect(asked.length).toBe(count + 3);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(asked.length).toBeLessThan(count + 70);
  answers.set(asked[0] ?? "", TOLD("https://a.example.com/keys"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(heard.at(-1)).toEqual([[A, "https://a.example.com/keys", undefined]]);
});

test("forgets issuers that nobody speaks of any more, and asks them no more", async () => {
  discovery.want(issuers(A, B));
  await discovery.asked();
  discovery.want(issuers(B));
  expect(heard.at(-1)).toEqual([[B, "https://keys.example.com/b", undefined]]);
  const count = asked.length;
  await vi.advanceTimersByTimeAsync(20 * 60_000);
  expect(asked.slice(count)).toEqual(["https://b.example.com/tenant/.well-known/openid-configuration"]);
});

test("what was heard before a restart holds until the issuer says something else", async () => {
  const uri = readJwksUri("https://a.example.com/old");
  if (typeof uri === "string") throw new Error(uri);
  answers.set(`${A}/.well-known/openid-configuration`, new Error("no answer"));
  discovery.restore(new Map<string, IssuerKeys>([[A, { uri, problem: undefined }]]));
  discovery.want(issuers(A));
  await discovery.asked();
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual([[[A, "https://a.example.com/old", "no answer"]]]);
});

test("asks a few at a time", async () => {
  const open: (() => void)[] = [];
  using many = new IssuerDiscovery({
    fetch: () => new Promise((resolve) => open.push(() => resolve(TOLD("https://k.example.com")))),
    said: () => {},
  });
  many.want(issuers(...Array.from({ length: 30 }, (_, index) => `https://i${index}.example.com`)));
  let whole = 0;
  for (const done = many.asked().then(() => true); whole < 30;) {
    expect(open.length).toBeLessThanOrEqual(8);
    const now = open.splice(0);
    for (const answer of now) answer();
    whole += now.length;
    await vi.advanceTimersByTimeAsync(0);
    if (whole === 30) expect(await done).toBe(true);
  }
});

test.each([
  ["nonsense", "the document is no JSON"],
  ["[]", "the document has no jwks_uri"],
  ['{"jwks_uri":1}', "the document has no jwks_uri"],
  [TOLD("issuer.example.com/keys"), "jwks_uri: "],
  [TOLD("https://user@issuer.example.com/keys"), "must not tell a user"],
  [TOLD("http://a.example.com/keys"), "is no https, as the issuer is"],
])("a document %s is none", async (text, problem) => {
  answers.set(`${A}/.well-known/openid-configuration`, text);
  discovery.want(issuers(A));
  await discovery.asked();
  expect(heard.at(-1)).toEqual([[A, undefined, expect.stringContaining(problem)]]);
});
