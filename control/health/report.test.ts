import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LONGEST_REPORT, readReport } from "./report.ts";

const schema = JSON.parse(readFileSync(new URL("../../filters/ejection/report-schema.json", import.meta.url), "utf8")) as object;
const validate = new Ajv2020().compile(schema);
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

const REPORT = {
  node: "sidecar~10.0.0.1~a.b~b.svc.cluster.local",
  time: 1_700_000_000_000,
  clusters: ["outbound|80||reviews"],
  hosts: [{ cluster: 0, address: "10.0.0.2:80", good: 5, failed: 1, ejections: 0, out: true, latency: 250 }],
  leftOut: 0,
};

test("what the filter sends is read", () => {
  expect(readReport(bytes(REPORT))).toEqual({
    node: REPORT.node,
    time: REPORT.time,
    hosts: [{ cluster: "outbound|80||reviews", address: "10.0.0.2:80", good: 5, failed: 1, ejections: 0 }],
  });
});

describe("what is no report", () => {
  test.each([
    ["{", "not JSON"],
    ["[]", "a report is an object"],
    [{ ...REPORT, node: "" }, "node: the id of a proxy is expected"],
    [{ ...REPORT, time: -1 }, "time: milliseconds since 1970 are expected"],
    [{ ...REPORT, clusters: [1] }, "clusters: at most 2048 names are expected"],
    [{ ...REPORT, hosts: {} }, "hosts: at most 4096 are expected"],
    [{ ...REPORT, hosts: [null] }, "hosts[0].cluster: is missing"],
    [{ ...REPORT, hosts: [{ ...REPORT.hosts[0], cluster: 1 }] }, "hosts[0].cluster: a place in clusters is expected"],
    [{ ...REPORT, hosts: [REPORT.hosts[0], { ...REPORT.hosts[0], failed: 1e300 }] }, "hosts[1].failed: a count is expected"],
    [{ ...REPORT, hosts: [{ ...REPORT.hosts[0], address: "x".repeat(65) }] }, "hosts[0].address: at most 64 characters are expected"],
  ])("%j", (value, problem) => expect(readReport(bytes(value))).toContain(problem));

  test("too long", () => expect(readReport(new Uint8Array(LONGEST_REPORT + 1))).toContain(`at most ${LONGEST_REPORT} bytes`));
});

test("what the schema takes is taken, and nothing is thrown", () => {
  fc.assert(
    fc.property(
      fc.object(),
      fc.array(
        fc.record({ cluster: fc.nat(2), address: fc.string({ maxLength: 70 }), good: fc.nat(), failed: fc.nat(), ejections: fc.nat() }),
      ),
      (odd, hosts) => {
        for (const value of [odd, { ...REPORT, ...odd }, { ...REPORT, hosts }]) {
          const read = readReport(bytes(value));
          // A place among clusters is what no schema can tell, and of whom a report is it must say here.
          if (validate(value) && value["node"] !== "" && hosts.every(({ cluster }) => cluster === 0)) expect(read).toBeTypeOf("object");
        }
      },
    ),
  );
});
