import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inProcessTarget } from "../host/target/index.ts";
import type { ChainSpec, ExchangeRequest, ExchangeResult, Target } from "../target/index.ts";
import { sendableProblem } from "../target/sendable.ts";
import { Corpus } from "./corpus.ts";
import { Dictionary } from "./dictionary.ts";
import { differences, type Finding } from "./finding.ts";
import { Fuzzer } from "./fuzzer.ts";
import { History } from "./history.ts";
import { Choices } from "./random.ts";
import { reproduction } from "./reproduction.ts";
import { makeRequest, mutateRequest } from "./requests.ts";
import { shrink } from "./shrink.ts";
import { Times } from "./times.ts";

const nothing = new Dictionary(new Uint8Array(0), "");

describe("requests", () => {
  test("are the same for the same seed, and others for another one", () => {
    const made = (seed: number) => {
      const choices = new Choices(seed);
      return Array.from({ length: 200 }, () => mutateRequest(makeRequest(choices, nothing), choices, nothing));
    };
    expect(made(1)).toEqual(made(1));
    expect(made(1)).not.toEqual(made(2));
  });

  test("are of every kind", () => {
    const choices = new Choices(7);
    const made = Array.from({ length: 2_000 }, () => makeRequest(choices, nothing));
    expect(new Set(made.map(({ protocol }) => protocol))).toEqual(new Set([undefined, "h2", "grpc"]));
    for (const field of ["body", "chunks", "trailers", "reset", "source", "authority"] as const)
      expect(made.some((request) => request[field] !== undefined)).toBe(true);
    for (const field of ["status", "headers", "body", "chunks", "trailers", "delay", "reset"] as const)
      expect(made.some(({ response }) => response?.[field] !== undefined)).toBe(true);
    expect(new Set(made.map(({ reset }) => reset))).toEqual(new Set([undefined, "in-request", "after-request", "in-response"]));
    const changed = made.map((request) => mutateRequest(request, choices, nothing));
    expect([...made, ...changed].map(sendableProblem).filter((problem) => problem !== undefined)).toEqual([]);
    expect(made.every(({ path }) => path.startsWith("/") && !/[\s#]/.test(path))).toBe(true);
  });
});

describe("times", () => {
  test("are the same for the same seed, mostly go on, and go back and far away", () => {
    const made = (seed: number) => {
      const times = new Times(seed);
      return Array.from({ length: 1_000 }, () => times.next());
    };
    const texts = made(1);
    expect(texts).toEqual(made(1));
    expect(texts).not.toEqual(made(2));
    const edges = ["1970-01-01T00:00:00.000Z", "2038-01-19T03:14:07.999Z", "2038-01-19T03:14:08.000Z", "2262-04-11T00:00:00.000Z"];
    expect(texts).toEqual(expect.arrayContaining(edges));
    const times = texts.map((text) => Date.parse(text));
    expect(times.every((time) => time >= 0 && time <= Date.parse("2262-04-11T00:00:00Z"))).toBe(true);
    const steps = times.slice(1).map((time, index) => time - (times[index] ?? time));
    expect(steps).toEqual(expect.arrayContaining([0, 1, -1, 1_000, -1_000, 86_400_000]));
    expect(steps.filter((step) => step < 0).length).toBeLessThan(steps.length / 4);
  });
});

describe("a run", () => {
  const fuzzer = (corpus: Corpus, envoy?: Target) =>
    new Fuzzer({
      ...{ chain: { filters: [] }, dictionary: nothing, corpus, seed: 1, count: 20, deadline: Infinity, now: () => 0, stateless: false },
      ...(envoy !== undefined && { envoy }),
      onProgress: () => undefined,
    });

  test("in the host alone gives each request a time", async () => {
    const corpus = new Corpus(undefined);
    await fuzzer(corpus).run();
    expect(corpus.any(new Choices(1))?.time).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  test("with Envoy gives none a time, and takes those of a corpus away", async () => {
    const folder = mkdtempSync(join(tmpdir(), "meshwright-corpus-"));
    writeFileSync(join(folder, "corpus.jsonl"), '{"path":"/known","time":"1970-01-01T00:00:00Z"}\n');
    const sent: ExchangeRequest[] = [];
    const envoy: Target = {
      ...inProcessTarget,
      start: async (chain) => {
        const running = await inProcessTarget.start(chain);
        const send = (request: ExchangeRequest) => {
          sent.push(request);
          return running.send(request);
        };
        return Object.assign(Object.create(running) as typeof running, { send });
      },
    };
    await fuzzer(new Corpus(folder), envoy).run();
    rmSync(folder, { recursive: true });
    expect(sent).toContainEqual({ path: "/known" });
    expect(sent.length).toBeGreaterThanOrEqual(20);
    expect(sent.filter(({ time }) => time !== undefined)).toEqual([]);
  });
});

test("the dictionary has the strings of a module, in UTF-8 and UTF-16, those of its configuration, and headers that it asks for", () => {
  const module = Buffer.concat([Buffer.from("\0\0x-tenant\0\0\0"), Buffer.from("gold/silver", "utf16le"), Buffer.from([0xff])]);
  const dictionary = new Dictionary(module, '{"header": "x-configured"}');
  expect(dictionary.words).toEqual(expect.arrayContaining(["x-tenant", "gold/silver", "x-configured"]));
  expect(dictionary.names).toEqual(expect.arrayContaining(["x-tenant", "x-configured"]));
  const call = { hostcall: "proxy_get_header_map_value", arguments: { name: "x-asked" } };
  dictionary.learn([{ hostcalls: [call] }] as unknown as Parameters<Dictionary["learn"]>[0]);
  expect(dictionary.names).toContain("x-asked");
});

describe("shrinking", () => {
  test("keeps what is needed, of requests and in them", async () => {
    const choices = new Choices(3);
    const noise = Array.from({ length: 30 }, () => makeRequest(choices, nothing));
    const headers = [
      ["a", "b"],
      ["x-bad", `${"x".repeat(300)}%`],
      ["c", "d"],
    ] as const;
    const requests = [...noise, { path: "/first" }, ...noise, { method: "POST", path: "/a/b?c", headers, body: "body" }];
    const fails = async (candidate: readonly ExchangeRequest[]) =>
      candidate.some(({ path }) => path.startsWith("/first")) &&
      (candidate.at(-1)?.headers ?? []).some(([name, value]) => name === "x-bad" && value.includes("%"));
    const smallest = await shrink(requests, fails, () => false);
    expect(smallest).toEqual([{ path: "/first" }, { path: "/", headers: [["x-bad", "%"]] }]);
  });

  test("keeps times where one of them is needed, and else none", async () => {
    const requests = [
      { path: "/a", time: "2026-01-01T00:00:00Z" },
      { path: "/b", time: "2025-01-01T00:00:00Z" },
    ];
    const stepsBack = async ([one, other]: readonly ExchangeRequest[]) => (one?.time ?? "") > (other?.time ?? "a");
    expect(await shrink(requests, stepsBack, () => false)).toEqual(requests.map((request) => ({ ...request, path: "/" })));
    const any = async () => true;
    expect(await shrink(requests, any, () => false)).toEqual([{ path: "/" }]);
  });

  test("keeps of a client that gives up, and of an answer in pieces, what is needed, and what can be sent", async () => {
    const response = { status: 500, chunks: ["first", "second", "third"] };
    const requests: ExchangeRequest[] = [{ path: "/", protocol: "h2", method: "POST", chunks: ["a", "b"], reset: "in-response", response }];
    const fails = async ([request]: readonly ExchangeRequest[]) =>
      request?.reset === "in-response" && (request.response?.chunks ?? []).filter((piece) => piece !== "").length === 2;
    expect(await shrink(requests, fails, () => false)).toEqual([
      { path: "/", protocol: "h2", reset: "in-response", response: { chunks: ["a", "a"] } },
    ]);
  });

  test("ends when time is over", async () => {
    let tries = 0;
    const requests = [{ path: "/a" }, { path: "/b" }];
    expect(
      await shrink(
        requests,
        async () => ++tries > 0,
        () => true,
      ),
    ).toEqual(requests);
    expect(tries).toBe(0);
  });
});

test("a difference names the field, and of headers only those that differ", () => {
  const result: ExchangeResult = { outcome: "forward", status: 200, details: "via_upstream", decisions: [], delay: 1 };
  const response = {
    status: 200,
    headers: [
      ["a", "1"],
      ["b", "2"],
    ],
    body: "",
  } as const;
  const other = {
    ...response,
    headers: [
      ["a", "1"],
      ["b", "3"],
    ],
  } as const;
  const names = ["here", "there"] as const;
  expect(differences(result, { ...result, delay: 2 }, names)).toEqual([]);
  expect(differences({ ...result, response }, { ...result, response: other }, names)).toEqual([
    'response.headers: [["b","2"]] here, [["b","3"]] there',
  ]);
  expect(differences(result, { ...result, status: 503 }, names)).toEqual(["status: 200 here, 503 there"]);
});

describe("the corpus", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "meshwright-corpus-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is there again for the next run, each entry once", () => {
    const corpus = new Corpus(join(folder, "new"));
    corpus.add({ path: "/a" });
    corpus.add({ path: "/a" });
    expect(readFileSync(join(folder, "new/corpus.jsonl"), "utf8")).toBe('{"path":"/a"}\n');
    const next = new Corpus(join(folder, "new"));
    expect([next.take(), next.take(), next.size]).toEqual([[{ path: "/a" }], [], 1]);
  });

  test("that is larger than its first entries is read no further", () => {
    const lines = Array.from({ length: 5_000 }, (_, index) => `{"path":"/${index}"}\n`);
    writeFileSync(join(folder, "corpus.jsonl"), `${lines.join("")}no JSON\n`);
    expect(new Corpus(folder).size).toBe(5_000);
  });

  test("of long lines is read no further than 64 MiB", () => {
    const line = `${JSON.stringify({ path: "/", body: "x".repeat(16 * 1024 ** 2) })}\n`;
    writeFileSync(join(folder, "corpus.jsonl"), line.repeat(5));
    const corpus = new Corpus(folder);
    expect(corpus.size).toBe(4);
    corpus.add({ path: "/another" });
    expect(corpus.size).toBe(4);
  });

  test("says that it cannot be written", () => {
    const corpus = new Corpus(join(folder, "gone"));
    rmSync(join(folder, "gone"), { recursive: true });
    expect(() => corpus.add({ path: "/a" })).toThrow(/gone\/corpus\.jsonl: cannot be written: ENOENT/);
  });

  test("says which line is no request", () => {
    writeFileSync(join(folder, "corpus.jsonl"), '{"path":"/a"}\n\n5\n');
    expect(() => new Corpus(folder)).toThrow(/corpus\.jsonl:3: no request; it has no path; mend the line, or remove the file/);
  });

  test("says which line of it is broken", () => {
    writeFileSync(join(folder, "corpus.jsonl"), '{"path":"/a"}\n{"pa');
    expect(() => new Corpus(folder)).toThrow(/corpus\.jsonl:2: no JSON; mend the line, or remove the file/);
  });
});

test("of what was sent the last 5,000 requests are kept, however many there are", () => {
  const history = new History();
  for (let i = 0; i < 25_500; i++) history.add({ path: `/${i}` });
  expect(history.length).toBe(25_500);
  const kept = history.last();
  expect([kept.length, kept[0], kept.at(-1)]).toEqual([5_000, { path: "/20500" }, { path: "/25499" }]);
  expect(history.last(2, 3)).toEqual([{ path: "/25495" }, { path: "/25496" }]);
});

test("a scenario has the answers of the clusters that the filter calls", async () => {
  const finding = { kind: "trap", where: "", message: "m", requests: [{ path: "/" }] } as const;
  const callouts = {
    "outbound|443||issuer": { status: 200, headers: [["content-type", "application/json"]], body: Buffer.from('{"keys":[]}') },
    bytes: { status: 200, body: Buffer.from([0xff, 0xfe]) },
    gone: { reset: true },
  } as const;
  const source = reproduction({
    finding,
    filter: { name: "mine", module: "/x/mine.wasm" },
    upstream: false,
    callouts,
    seed: 3,
    folder: "/x",
  });
  const { default: typescript } = await import("typescript");
  expect(typescript.transpileModule(source, { reportDiagnostics: true }).diagnostics).toEqual([]);
  const [, literal = ""] = /const chain = ([^]*?);\n\nscenario/.exec(source) ?? [];
  const script = `const filter = {}; export const chain = ${literal};`;
  const { chain } = (await import(`data:text/javascript,${encodeURIComponent(script)}`)) as { readonly chain: ChainSpec };
  const anything = { headers: [], body: new Uint8Array(), trailers: [] };
  const answers = Object.entries(chain.callouts ?? {}).map(([name, answer]) => [name, answer(anything)]);
  expect(answers).toEqual([
    ["outbound|443||issuer", { ...callouts["outbound|443||issuer"], body: '{"keys":[]}' }],
    ["bytes", callouts.bytes],
    ["gone", { reset: true }],
  ]);
});

const timed = [{ path: "/a", time: "1970-01-01T00:00:00.000Z" }, { path: '/"' }];

test("requests with times are a test of the host alone", () => {
  const finding = { kind: "trap", where: "", message: "m", requests: timed } as const;
  const source = reproduction({ finding, filter: { name: "mine", module: "/x/mine.wasm" }, upstream: false, seed: 3, folder: "/x" });
  expect(source).toContain('await run.send({"path":"/a","time":"1970-01-01T00:00:00.000Z"})');
  expect(source).toContain("await using run = await isolatedTarget().start(chain);");
  expect(source).not.toContain("scenario(");
});

test.each<Partial<Finding>>([
  { kind: "trap", requests: timed },
  { kind: "state", where: "status", requests: timed },
  { kind: "trap" },
  { kind: "state", where: "status" },
  { kind: "memory", where: "leak" },
])("a scenario of %j is TypeScript", async (found) => {
  const finding = { kind: "trap", where: "", message: "m", requests: [{ path: "/a" }, { path: '/"' }], ...found } as const;
  const filter = { name: "mine", module: "/x/mine.wasm", configuration: Buffer.from("{}") };
  const source = reproduction({ finding, filter, upstream: false, seed: 3, folder: "/x/y" });
  const { default: typescript } = await import("typescript");
  expect(typescript.transpileModule(source, { reportDiagnostics: true }).diagnostics).toEqual([]);
  expect(source).toContain('new URL("../mine.wasm", import.meta.url)');
  expect(source).toContain('await run.send({"path":"/\\""})');
});
