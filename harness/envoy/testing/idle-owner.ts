import { chainBootstrap } from "../chain/bootstrap.ts";
import { identityOf } from "../chain/certificates.ts";
import { reusingProvider } from "../reuse.ts";

// A process that has used an Envoy, says its pid, and has nothing more to do: ../reuse.test.ts.

const surroundings = { upstreams: [], callouts: new Map(), server: identityOf("spiffe://test") };
const envoy = await reusingProvider.start(chainBootstrap({ filters: [] }, surroundings));
await envoy[Symbol.asyncDispose]();
process.stdout.write(`${envoy.pid}\n`);
