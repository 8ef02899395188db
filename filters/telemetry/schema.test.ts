import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { Host, HostError } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// The schema, by which users and the control service check a configuration, and the module take the same.

const schema = JSON.parse(readFileSync(join(import.meta.dirname, "telemetry.schema.json"), "utf8")) as object;
const valid = new Ajv2020({ strict: true, strictRequired: false }).compile(schema);

let module: string;

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 180_000);

/** Why the module refuses a configuration; undefined where it takes it. */
function refusal(configuration: unknown): string | undefined {
  const host = new Host({ instances: { canary: false, mainThread: false, workers: 1 } });
  try {
    host.load({ name: "telemetry", module, configuration: JSON.stringify(configuration) }).unload();
    return undefined;
  } catch (error) {
    return HostError.from(error).message + host.logs.lines.map(({ message }) => message).join("\n");
  }
}

const wrong = fc.constantFrom<unknown>(null, "", "x", 0, 1.5, -1, true, [], {}, ["x"], { x: 1 });
/** Mostly what is meant, now and then something else. */
const or = <T>(meant: fc.Arbitrary<T>) => fc.oneof({ weight: 12, arbitrary: meant }, { weight: 1, arbitrary: wrong });
const some = <T extends Record<string, fc.Arbitrary<unknown>>>(fields: T) => or(fc.record({ ...fields }, { requiredKeys: [] }));
const list = (items: fc.Arbitrary<unknown>) => or(fc.array(items, { maxLength: 3 }));

const tag = fc.oneof(
  some({ value: or(fc.constantFrom("request.method", "'x'", "response.code == 200 ? 'a' : 'b'")), operation: or(fc.constant("UPSERT")) }),
  some({ operation: or(fc.constant("REMOVE")) }),
);
const override = some({
  match: some({
    metric: or(
      fc.constantFrom(
        "ALL_METRICS",
        "REQUEST_COUNT",
        "REQUEST_DURATION",
        "REQUEST_SIZE",
        "RESPONSE_SIZE",
        "GRPC_REQUEST_MESSAGES",
        "TCP_SENT_BYTES",
      ),
    ),
    mode: or(fc.constantFrom("CLIENT", "SERVER", "CLIENT_AND_SERVER")),
  }),
  disabled: or(fc.boolean()),
  tagOverrides: or(fc.dictionary(fc.constantFrom("response_code", "mine", "a1", "1a", "a-b", ""), tag, { maxKeys: 3 })),
});
const configuration = some({
  mode: or(fc.constantFrom("inbound", "outbound", "gateway")),
  metrics: list(some({ providers: list(some({ name: or(fc.constant("prometheus")) })), overrides: list(override) })),
  peerMetadata: some({ exchange: or(fc.boolean()), trust: or(fc.constantFrom("NEVER", "MUTUAL_TLS", "ALWAYS")) }),
  disableHostHeaderFallback: or(fc.boolean()),
  maxSeries: or(fc.constantFrom(1, 100_000, 100_001, 0, 10.5)),
});

test("what the schema takes the module takes, and nothing else", () => {
  let taken = 0;
  fc.assert(
    fc.property(configuration, (value) => {
      const reason = refusal(value);
      if (reason === undefined) taken++;
      // What stands in an expression is beyond a schema.
      if (reason?.includes("not understood") === true) return;
      expect({ taken: valid(value), errors: valid.errors ?? [] }).toEqual({
        taken: reason === undefined,
        errors: reason === undefined ? [] : (expect.anything() as unknown),
      });
    }),
    { numRuns: 1_500 },
  );
  expect(taken).toBeGreaterThan(100);
});
