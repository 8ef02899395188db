import { describe, expect, test } from "vitest";
import { wrongTagExpression } from "../tag-expression.ts";
import { wrongExpression } from "./index.ts";

describe("the condition of an access log", () => {
  test.each([
    "response.code >= 400",
    "response.code == 200 || !(request.method in ['GET', \"HEAD\"])",
    "has(request.headers) && request.headers['x-tier'] == 'gold'",
    "request.path.matches(r'^/a\\d+$')",
    "connection.mtls && request.duration > duration('1.5s')",
    "'a' in {'a': 1, 'b': 2u}",
    "request.size / 2 * -3 % 5 < 0x1F ? true : response.code < 4e2",
    "size(request.path) > 3 // a comment",
    "request.time.getHours() < 8",
    "'\\u00e9\\n' != '''it's\nlong'''",
  ])("%s", (expression) => {
    expect(wrongExpression(expression)).toBeUndefined();
  });

  test.each<[string, string]>([
    ["", "is no expression: expected a value, found the end at character 1"],
    ["response.code >=", "is no expression: expected a value, found the end at character 17"],
    ["response.code = 200", 'is no expression: unexpected "=" at character 15'],
    ["response.code == 200)", "is no expression: expected an operator, found ) at character 21"],
    ["request.path == '/a", "is no expression: this text does not end at character 17"],
    ["request.path == '\\q'", "is no expression: there is no such escape at character 18"],
    ["request.headers['a'", 'is no expression: expected "]", found the end at character 20'],
    ["code == 200", 'is no expression: "code" is no attribute; there are'],
    ["string(response.code) == '200'", 'is no expression: Envoy has no function "string" at character 1'],
    ["[1, 2].exists(x, x == 1)", 'is no expression: Envoy has no function "exists" at character 7'],
    ["has(request)", "is no expression: has asks for a field: has(request.useragent) at character 1"],
    ["if == 1", "is no expression: expected a value, found if at character 1"],
    [`${"(".repeat(100)}1${")".repeat(100)}`, "is no expression: nested deeper than 24"],
    [" ".repeat(10_000), "is no expression: longer than 8192 characters"],
  ])("%s", (expression, message) => {
    expect(wrongExpression(expression)).toContain(message);
  });
});

describe("the value of a label", () => {
  test.each([
    "request.method",
    "'x-tier' in request.headers ? request.headers['x-tier'] : 'none'",
    "response.code == 200 && (connection.mtls || request.path.startsWith('/a')) ? 'a' + string(response.code) : \"b\"",
    "!has(node.metadata['ZONE'])",
    "plugin_name",
    "metadata.filter_metadata['a'].b == '1'",
  ])("%s", (expression) => {
    expect(wrongTagExpression(expression)).toBeUndefined();
  });

  test.each<[string, string]>([
    ["request", "request is no single value"],
    ["request.headers", "request.headers cannot be the value of a label"],
    ["requests.method", "requests is no attribute: one of"],
    ["response.code > 3", "there is no > in the labels of metrics at character 15"],
    ["request.method ? 'a' : 'b'", "?: needs a condition at character 1"],
    ["size(request.path)", "there is no function size: only has and string"],
    ["request.path.matches('a')", "there is no method matches: only startsWith, endsWith, contains"],
    ["request.headers[request.path]", "expected a text or a number"],
    ["r'raw'", "r'raw' is no text and no whole number"],
    ["1.5", "1.5 is no text and no whole number"],
    ["'\\n'", "is no text and no whole number"],
    ["request.path in request.headers", "before in stands a text"],
    ["a".repeat(1_025), "is longer than 1024 characters"],
  ])("%s", (expression, message) => {
    expect(wrongTagExpression(expression)).toContain(message);
  });
});
