import { Root } from "../contexts/root";
import { Stream } from "../contexts/stream";

/** What HTTP and gRPC callouts share: the token of the host, and for whom the answer is. */
export abstract class Callout {
  /** @internal The host's token; 0 while nothing is outstanding. */
  token: u32 = 0;
  /** @internal 0 where a root context sent it. */
  streamId: u32 = 0;
  /** @internal */
  stream: Stream | null = null;
  /** @internal */
  sender: Root | null = null;

  /** Whether an answer is outstanding. */
  get pending(): bool {
    return this.token != 0;
  }
}
