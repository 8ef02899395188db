import { once } from "node:events";
import { connect } from "node:http2";
import type { Variant } from "../variants/variant.ts";

/**
 * Sends the variant's request once and compares what came of it.
 *
 * @throws Error where the filters do another job than the one that is measured
 */
export async function verify(variant: Variant, port: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request(Object.fromEntries(variant.request));
    const [headers] = (await once(stream, "response")) as [Readonly<Record<string, string | number | undefined>>];
    if (headers[":status"] !== 200) throw new Error(`${variant.id} answers ${headers[":status"]}, not 200`);
    if (variant.expected === undefined) return;
    const { route, filter } = variant.expected;
    const seen = { route: headers["x-seen-route"], filter: headers["x-filter"] };
    if (seen.route !== route || seen.filter !== filter) {
      throw new Error(`${variant.id} does another job: expected ${JSON.stringify(variant.expected)}, got ${JSON.stringify(seen)}`);
    }
  } finally {
    session.destroy();
  }
}
