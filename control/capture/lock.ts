import { createServer } from "node:net";
import { CaptureError } from "./tool.ts";

/** Abstract: no file, one for each network namespace, gone with its process however that ends (unix(7)). */
const SOCKET = "\0meshwright-capture";

/**
 * Makes this process the one that captures the traffic of its network namespace, until it is disposed of.
 *
 * @throws CaptureError `busy` where another one does
 */
export async function lockCapture(): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(SOCKET, resolve);
  }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new CaptureError(
      "busy",
      "another `meshwright proxy --capture` runs in this network namespace, which has one sidecar: end it first, or run this one in a namespace of its own",
      { cause: error },
    );
  });
  server.unref();
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())) };
}
