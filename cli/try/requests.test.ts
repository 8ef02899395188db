import fc from "fast-check";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { parseRequests, type RequestLine } from "./requests.ts";

async function linesOf(chunks: AsyncIterable<Uint8Array>): Promise<RequestLine[]> {
  const lines: RequestLine[] = [];
  for await (const line of parseRequests("in", chunks)) lines.push(line);
  return lines;
}

function parse(input: string | Uint8Array): Promise<RequestLine[]> {
  return linesOf(Readable.from([Buffer.from(input)]));
}

describe("lines", () => {
  test("empty ones are passed over, and the others keep their numbers", async () => {
    expect(await parse('\n{"path":"/a"}\n  \n{"path":"/b","id":"b"}')).toEqual([
      { line: 2, request: { path: "/a" } },
      { line: 4, request: { path: "/b", id: "b" } },
    ]);
  });

  test.each([
    ['{"path":"/"', "in:1: not JSON: "],
    ["[]", "in:1: the line: expected an object"],
    ["{}", "in:1: path: is missing"],
    ['{"path":1}', "in:1: path: expected a string"],
    ['{"path":"/","heders":[]}', "in:1: heders: unknown field; did you mean headers?"],
    ['{"path":"/","headers":{"a":"b"}}', "in:1: headers: expected a list"],
    ['{"path":"/","headers":[["a"]]}', "in:1: headers[0]: expected a pair of strings, [name, value]"],
    ['{"path":"/","body":{"base64":"?"}}', "in:1: body.base64: not base64"],
    ['{"path":"/","body":"a","chunks":["a"]}', "in:1: chunks: stands instead of body, not beside it"],
    ['{"path":"/","protocol":"http/3"}', "in:1: protocol: expected one of http/1.1, h2, grpc, websocket"],
    ['{"path":"/","__proto__":{"id":"a"}}', "in:1: __proto__: unknown field"],
    ['{"path":"/","toString":"a"}', "in:1: toString: unknown field"],
    ['{"path":"/","source":{"address":1}}', "in:1: source.address: expected an IP address and a port, such as 192.0.2.1:50000"],
    ['{"path":"/","source":{"address":"192.0.2.1"}}', "in:1: source.address: expected an IP address and a port"],
    ['{"path":"/","source":{"address":"2001:db8::1:99"}}', "in:1: source.address: expected an IP address and a port"],
    ['{"path":"/","source":{"address":"192.0.2.1:65536"}}', "in:1: source.address: expected an IP address and a port"],
    ['{"path":"/","destination":{"address":"somewhere"}}', "in:1: destination.address: expected an IP address"],
    ['{"path":"/","destination":{"port":70000}}', "in:1: destination.port: expected an integer from 0 to 65535"],
    ['{"path":"/","time":"soon"}', "in:1: time: expected a time such as 2026-01-31T12:00:00Z"],
    ['{"path":"/","response":{"status":99}}', "in:1: response.status: expected 101, or an integer from 200 to 999"],
    ['{"path":"/","response":{"status":103}}', "in:1: response.status: expected 101, or an integer from 200 to 999"],
    [
      '{"path":"/","protocol":"h2","response":{"status":101}}',
      "in:1: response.status: over HTTP/2 expected an integer from 200 to 599, not 101",
    ],
    ['{"path":"/","reset":"soon"}', "in:1: reset: expected one of in-request, after-request, in-response"],
    ['{"path":"/","reset":"in-request"}', "in:1: reset: over http/1.1 expected after-request, not in-request; or use h2"],
    [
      '{"path":"/","protocol":"websocket","reset":"after-request"}',
      "in:1: reset: over websocket there is none, not after-request; or use h2",
    ],
    [
      '{"path":"/","protocol":"h2","reset":"in-response","response":{"reset":"after-headers"}}',
      "in:1: reset: stands instead of response.reset, not beside it",
    ],
    ['{"path":"/","response":{"chunks":["a"]}}', "in:1: response.chunks: over h2, not over http/1.1; use response.body"],
    [
      '{"path":"/","protocol":"h2","response":{"body":"a","chunks":["a"]}}',
      "in:1: response.chunks: stands instead of response.body, not beside it",
    ],
    ['{"path":"/","response":{"headers":[["a b","c"]]}}', 'in:1: response.headers[0]: "a b" is no name of a header'],
    ['{"path":"/","response":{"headers":[["a"]]}}', "in:1: response.headers[0]: expected a pair of strings, [name, value]"],
    ['{"path":"/","response":{"trailers":[["a","b\\r\\nc: d"]]}}', "in:1: response.trailers[0]: the value has a line break or NUL"],
    [`{"path":"/","metadata":${'{"a":'.repeat(102)}1${"}".repeat(102)}}`, "in:1: metadata: nested deeper than 100 levels"],
    ['{"path":1,"method":2}', "in:1: path: expected a string; method: expected a string"],
  ])("%s", async (line, error) => {
    const [parsed] = await parse(line);
    expect(parsed).toMatchObject({ line: 1, error: expect.stringContaining(error) as string });
  });

  test.each([
    ["source", { address: "192.0.2.1:0" }],
    ["source", { address: "[2001:db8::1]:65535" }],
    ["destination", { address: "192.0.2.1" }],
    ["destination", { address: "2001:db8::1" }],
    ["destination", { address: "[2001:db8::1]" }],
  ])("%s %j is an address", async (field, value) => {
    const request = { path: "/", [field]: value };
    expect(await parse(JSON.stringify(request))).toEqual([{ line: 1, request }]);
  });

  test("one that is no UTF-8 is wrong alone", async () => {
    const input = Buffer.concat([Buffer.from('{"path":"/a"}\n{"path":"/'), Buffer.of(0xff), Buffer.from('"}\n{"path":"/b"}\n')]);
    expect(await parse(input)).toEqual([
      { line: 1, request: { path: "/a" } },
      { line: 2, error: "in:2: not UTF-8" },
      { line: 3, request: { path: "/b" } },
    ]);
  });

  test("one that never ends is wrong alone, and is not held", async () => {
    const chunk = Buffer.alloc(1 << 20, "a");
    const endless = function* () {
      for (let sent = 0; sent < 600; sent++) yield chunk;
      yield Buffer.from('\n{"path":"/"}\n');
    };
    const before = process.memoryUsage().rss;
    expect(await linesOf(Readable.from(endless()))).toEqual([
      { line: 1, error: "in:1: longer than 67108864 bytes" },
      { line: 2, request: { path: "/" } },
    ]);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 << 20);
  });

  test("a bad one keeps its id, by which its result is known", async () => {
    expect(await parse('{"id":"seven"}')).toEqual([{ line: 1, id: "seven", error: "in:1: path: is missing" }]);
  });

  test("of any text give a request or an error each", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: "binary" }), fc.json()), async (source) => {
        const filled = source.split("\n").filter((line) => line.trim() !== "");
        expect(await parse(source)).toHaveLength(filled.length);
      }),
    );
  });
});
