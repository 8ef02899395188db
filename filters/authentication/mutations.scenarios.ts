import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { scenario } from "../testing/scenario.ts";
import { compileFilter } from "../testing/assembly.ts";
import { CONFIGURATION, KEYS, MUTATIONS } from "./mutations.mts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));

describe("every attack on tokens", async () => {
  // Once, so that every target gets the same requests.
  const requests = await Promise.all(
    KEYS.flatMap((key) =>
      MUTATIONS.map(async ({ name, details, make }) => ({ id: `${key.alg}, ${name}`, details, token: await make(key) })),
    ),
  );
  for (const { alg } of KEYS) {
    const own = requests.filter(({ id, token }) => id.startsWith(`${alg},`) && token !== undefined);
    scenario(
      `with ${alg}`,
      { chain: async () => ({ filters: [{ name: "authentication", module: await compileFilter(entry), configuration: CONFIGURATION }] }) },
      async (run) => {
        const results = await run.sendAll(own.map(({ id, token }) => ({ id, path: "/", headers: [["authorization", `Bearer ${token}`]] })));
        for (const [index, { id, details }] of own.entries()) {
          const result = results[index];
          if (details === undefined) expect(result, id).toForward();
          else expect(result, id).toRespond(details.endsWith("audience") ? 403 : 401, details);
        }
      },
    );
  }
});
