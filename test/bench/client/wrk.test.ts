import { expect, test } from "vitest";
import { hasWrk, parseWrk } from "./wrk.ts";

const printed = (more = "", time = "1.02s") => `Running 1s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.35ms  202.11us   4.65ms   81.39%
    Req/Sec    23.63k     1.05k   25.17k    70.00%
  23731 requests in ${time}, 3.33MB read
${more}Requests/sec:  23265.69
Transfer/sec:      3.26MB
`;

test.each([
  ["1.02s", 1.02],
  ["998.50ms", 0.9985],
  ["1.50m", 90],
])("requests in %s are told apart from the rest", (time, seconds) => {
  const result = parseWrk(printed("", time));
  expect(result.requests).toBe(23_731);
  expect(result.seconds).toBeCloseTo(seconds);
});

test.each(["Non-2xx or 3xx responses: 17", "Socket errors: connect 0, read 3, write 0, timeout 0"])("'%s' is an error", (line) => {
  expect(() => parseWrk(printed(`  ${line}\n`))).toThrow(`wrk: ${line}`);
});

test("no result is an error, with what was printed instead", () => {
  expect(() => parseWrk("unable to connect to 127.0.0.1:1 Connection refused\n")).toThrow(
    "wrk printed no result: unable to connect to 127.0.0.1:1 Connection refused",
  );
});

test("a command that is not there is missing", async () => {
  expect(await hasWrk("no-such-wrk")).toBe(false);
});
