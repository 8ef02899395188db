import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import type { HeaderList } from "../../../harness/target/index.ts";
import type { Variant } from "../variants/variant.ts";

type Answer = Readonly<Record<string, string | number | undefined>>;

/**
 * Sends the variant's request once and compares what came of it; and the one that it must refuse.
 *
 * @param port of the listener `echo`
 * @throws Error where the filters do another job than the one that is measured
 */
export async function verify({ id, request, expected = {}, refused }: Variant, port: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const answer = await ask(session, request);
    if (answer[":status"] !== 200) throw new Error(`${id} answers ${answer[":status"]}, not 200`);
    for (const [name, value] of Object.entries(expected)) {
      if (answer[name] !== value) throw new Error(`${id} does another job: expected ${name}: ${value}, got ${answer[name]}`);
    }
    if (refused === undefined) return;
    const { ":status": status } = await ask(session, refused);
    if (status !== 401 && status !== 403) throw new Error(`${id} answers ${status} where it must refuse`);
  } finally {
    session.destroy();
  }
}

async function ask(session: ClientHttp2Session, request: HeaderList): Promise<Answer> {
  const [answer] = (await once(session.request(Object.fromEntries(request)), "response")) as [Answer];
  return answer;
}
