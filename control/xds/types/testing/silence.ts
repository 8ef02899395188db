import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("silence.py", import.meta.url));

/** Ports of 127.0.0.1 behind which nobody answers, which a kernel does by itself where a program of Node listens. A program of Python: Node sets no options of sockets. */
export interface Silence extends AsyncDisposable {
  /** Answers the first request of a connection, and is gone then: its kernel acknowledges nothing any more. */
  readonly deaf: number;
  /** Takes no connection, and refuses none. */
  readonly full: number;
}

export async function startSilence(): Promise<Silence> {
  const child = spawn("python3", [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(child, "close");
  const line = await Promise.race([
    once(child.stdout, "data").then(([bytes]) => String(bytes)),
    closed.then(([code]) => Promise.reject(new Error(`python3 ${PROGRAM} ended with ${code}`))),
  ]);
  const { deaf, full } = JSON.parse(line) as { readonly deaf: number; readonly full: number };
  return {
    deaf,
    full,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await closed;
    },
  };
}
