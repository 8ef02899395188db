import { once } from "node:events";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import { IdentityError } from "../identity-error.ts";

/**
 * Has a directory to itself, among the processes of this machine, until it is disposed of or the process ends in whatever way: two services with one directory would take back each other's uses of tokens.
 *
 * The lock is a socket in Linux' abstract namespace (unix(7)), named after the directory itself: it leaves no file behind that could be stale. It does not reach across machines, nor network namespaces;
 * elsewhere than on Linux there is none.
 *
 * @throws IdentityError `state` where another one has it
 */
export async function lockDirectory(directory: string): Promise<Disposable> {
  if (process.platform !== "linux") return { [Symbol.dispose]: () => undefined };
  const { dev, ino } = statSync(directory, { bigint: true });
  const server = createServer((socket) => socket.destroy());
  server.unref();
  try {
    server.listen(`\0meshwright-authority-${dev}-${ino}`);
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE")
      throw new IdentityError("state", `${directory} cannot be locked: ${(error as Error).message}`, { cause: error });
    throw new IdentityError(
      "state",
      `${directory} belongs to another control service that runs; give each its own directory, or end that one first`,
    );
  }
  return { [Symbol.dispose]: () => void server.close() };
}
