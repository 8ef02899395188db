import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { filterFiles } from "../../../../../filters/index.ts";
import { authorizationPolicy } from "../../../../kinds/authorization-policy/index.ts";
import type { AuthorizationPolicy, Manifest } from "../../../../model/index.ts";
import { Kinds, readObject } from "../../../../model/objects/index.ts";
import { defaultMeshSettings } from "../../../../kinds/mesh-config/index.ts";
import { Prover } from "../../../../proof/index.ts";
import { viewOf } from "../../testing/view.ts";
import { authorization } from "./authorization.ts";

// What the kind takes, the filter takes: it refuses a configuration as a whole, so one policy would keep all others of a workload from being carried out.

const bytes = readFileSync(filterFiles("mesh").module);
const module = { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };

const odd = fc.constantFrom(
  "a",
  "*",
  "a*",
  "*a",
  "**",
  "*a*",
  "a/b",
  "/",
  "é",
  " ",
  "[",
  "(a",
  "a|b",
  "\\",
  "{*}",
  "\u0000",
  "a".repeat(300),
);
const path = fc
  .array(fc.constantFrom("/", "/a", "/{*}", "/{**}", "{*}", "*", "**", "{a}", "{", "}", "a.b", "%2F", "é", ".js", "="), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join(""));
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: -1, max: 130 })).map(([ip, bits]) => `${ip}/${bits}`),
  fc.constantFrom("::ffff:10.0.0.1", "10.0.0.1/08", "10.0.0", "fe80::1%eth0", "10.0.0.1/8/9", "0.0.0.0/0", "::/0", "1.2.3.4/"),
);
const port = fc.oneof(fc.integer({ min: -1, max: 70_000 }).map(String), fc.constantFrom("080", "00000", "+1", "1e3", ""));
const lists = <Name extends string>(fields: Record<Name, fc.Arbitrary<string>>) =>
  fc.record(
    Object.fromEntries(
      Object.entries<fc.Arbitrary<string>>(fields).flatMap(([name, value]) => {
        const list = fc.array(value, { maxLength: 2 });
        return [
          [name, list],
          [`not${name.charAt(0).toUpperCase()}${name.slice(1)}`, list],
        ];
      }),
    ),
    { requiredKeys: [] },
  );
const source = lists({ principals: odd, requestPrincipals: odd, namespaces: odd, ipBlocks: address, remoteIpBlocks: address });
const accounts = lists({ serviceAccounts: odd, ipBlocks: address });
const operation = lists({ hosts: odd, ports: port, methods: odd, paths: fc.oneof(path, odd) });
const key = fc.constantFrom(
  "source.ip",
  "remote.ip",
  "destination.ip",
  "destination.port",
  "source.namespace",
  "source.principal",
  "source.serviceAccount",
  "connection.sni",
  "request.auth.principal",
  "request.auth.audiences",
  "request.auth.presenter",
  "request.auth.consumer",
  "request.headers[x-a]",
  "request.headers[:method]",
  "request.headers[::]",
  "request.headers[a b]",
  "request.headers[Host]",
  "request.auth.claims[a]",
  "request.auth.claims[a][b c]",
  "request.auth.claims[a]b[c]",
  "request.auth.claims[[a]]",
);
const condition = fc.record(
  {
    key,
    values: fc.array(fc.oneof(odd, address, port), { maxLength: 2 }),
    notValues: fc.array(fc.oneof(odd, address, port), { maxLength: 2 }),
  },
  { requiredKeys: ["key"] },
);
const rule = fc.record(
  {
    from: fc.array(fc.record({ source: fc.oneof(source, accounts) }), { maxLength: 2 }),
    to: fc.array(fc.record({ operation }), { maxLength: 2 }),
    when: fc.array(condition, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const policy = fc.record({
  action: fc.constantFrom("ALLOW", "DENY", "AUDIT"),
  rules: fc.array(rule, { maxLength: 2 }),
});

/** The policies that a document becomes, or that stand in for it. */
function policiesOf(spec: object): readonly AuthorizationPolicy[] {
  const value = { apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy", metadata: { name: "p", namespace: "a" }, spec };
  const manifest: Manifest = { value, place: () => ({ file: "p.yaml", line: 1, column: 1 }) };
  const { object, standIn } = readObject(manifest, new Kinds([authorizationPolicy]));
  const read = object ?? standIn;
  return read === undefined
    ? []
    : (authorizationPolicy.contribute(read as never, defaultMeshSettings).policies as readonly AuthorizationPolicy[]);
}

test("whatever the kind takes, or puts in the place of what it refuses, is taken by the filter", async () => {
  await using prover = new Prover();
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(policy, { minLength: 20, maxLength: 20 }), async (specs) => {
      for (const spec of specs) {
        const policies = policiesOf(spec);
        const configuration = authorization({ ...viewOf({}), policies: () => policies as never }, "inbound", 0);
        if (configuration === undefined) continue;
        taken++;
        const filters = [{ name: "authorization", configuration }];
        const verdict = await prover.prove({ name: "p", module, rootId: "downstream", configuration: JSON.stringify({ filters }) });
        expect([spec, verdict]).toEqual([spec, { good: true }]);
      }
    }),
    { numRuns: 30 },
  );
  expect(taken).toBeGreaterThan(100);
}, 60_000);
