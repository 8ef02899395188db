import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRequests } from "./requests.ts";

describe("lines", () => {
  test("empty ones are passed over, and the others keep their numbers", () => {
    expect(parseRequests("in", '\n{"path":"/a"}\n  \n{"path":"/b","id":"b"}')).toEqual([
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
    ['{"path":"/","source":{"address":1}}', "in:1: source.address: expected a string"],
    ['{"path":"/","destination":{"port":70000}}', "in:1: destination.port: expected an integer from 0 to 65535"],
    ['{"path":"/","time":"soon"}', "in:1: time: expected a time such as 2026-01-31T12:00:00Z"],
    ['{"path":"/","response":{"status":99}}', "in:1: response.status: expected an integer from 100 to 999"],
    ['{"path":1,"method":2}', "in:1: path: expected a string; method: expected a string"],
  ])("%s", (line, error) => {
    const [parsed] = parseRequests("in", line);
    expect(parsed).toMatchObject({ line: 1, error: expect.stringContaining(error) as string });
  });

  test("a bad one keeps its id, by which its result is known", () => {
    expect(parseRequests("in", '{"id":"seven"}')).toEqual([{ line: 1, id: "seven", error: "in:1: path: is missing" }]);
  });

  test("of any text give a request or an error each", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (source) => {
        const filled = source.split("\n").filter((line) => line.trim() !== "");
        expect(parseRequests("in", source)).toHaveLength(filled.length);
      }),
    );
  });
});
