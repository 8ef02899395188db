import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { scenario } from "../testing/scenario.ts";
import { compileFilter } from "../testing/assembly.ts";
import { RFC_EXAMPLES } from "./rfc-examples.mts";

// The JWTs of the RFCs ended in 2011 and Envoy's clock is the machine's, so that here all are refused, for the right reason each; examples.test.ts
// accepts them in their time.

const entry = fileURLToPath(new URL("index.ts", import.meta.url));
// A rule for each example, at a place of its own.
const places = RFC_EXAMPLES.map((example, index) => [`x-example-${index}`, example] as const);
const configuration = {
  jwtRules: places.map(([name, { issuer, keys }]) => ({ issuer, jwks: JSON.stringify({ keys }), fromHeaders: [{ name }] })),
};

scenario(
  "the examples of RFC 7515 to 7520, 7797 and 8037",
  { chain: async () => ({ filters: [{ name: "authentication", module: await compileFilter(entry), configuration }] }) },
  async (run) => {
    for (const [name, { title, token, details }] of places) {
      expect(await run.send({ id: title, path: "/", headers: [[name, token]] }), title).toRespond(401, details);
    }
  },
);
