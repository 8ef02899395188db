import type { Http2Session, Http2Stream } from "node:http2";

/** Each as a DATA frame, which the peer has dealt with before the next one is written. Resolves when it has with all; to false where the stream is over by then. */
export async function sendPieces(stream: Http2Stream, pieces: readonly Buffer[]): Promise<boolean> {
  const closed = new Promise((resolve) => stream.once("close", resolve));
  for (const piece of pieces) {
    if (stream.destroyed || stream.closed) return false;
    // What is written together becomes one frame; and a peer that takes nothing may end the stream.
    await Promise.race([closed, new Promise((resolve) => stream.write(piece, resolve))]);
    await dealtWith(stream.session);
  }
  if (pieces.length === 0) await dealtWith(stream.session);
  return !stream.destroyed && !stream.closed;
}

/**
 * Resolves when the peer has dealt with all frames that were written before, and what it wrote meanwhile is here; also where the session ends.
 *
 * A peer answers a PING at once (RFC 9113, section 6.7), and Envoy reads frame by frame: its filters have one before it reads the next, and what they send
 * leaves with the answer. The first PING may overtake headers that wait beside it to be written; the second is behind them, and its answer behind what those led to.
 */
export async function dealtWith(session: Http2Session | undefined): Promise<void> {
  for (let i = 0; i < 2; i++) await pingAnswered(session);
  // What came with the answer is an event of this turn.
  await new Promise((resolve) => setImmediate(resolve));
}

function pingAnswered(session: Http2Session | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (session === undefined || session.destroyed) resolve();
    else session.ping(() => resolve());
  });
}
