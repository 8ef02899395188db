import type { HeaderList } from "../../../../../harness/target/index.ts";
import type { Place } from "../step.ts";

export const OK: HeaderList = [[":status", "200"]];

/** Has the streams that wait run their lines `poked`, in a callback of another request. */
export async function poke({ request }: Place): Promise<void> {
  await request("request_headers: poke");
}
