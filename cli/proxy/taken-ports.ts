import { once } from "node:events";
import { createServer } from "node:net";
import { formatAddress, type OwnAddresses } from "../../control/bootstrap/index.ts";

/** Which of the addresses where Envoy itself listens other programs have, as the options that give them. */
export async function takenPorts({ admin, statusPort, prometheusPort }: OwnAddresses): Promise<readonly string[]> {
  const wanted = [
    ...("path" in admin ? [] : [{ option: `--admin ${formatAddress(admin)}`, at: admin }]),
    { option: `--status-port ${statusPort}`, at: { port: statusPort } },
    { option: `--prometheus-port ${prometheusPort}`, at: { port: prometheusPort } },
  ];
  const taken = await Promise.all(wanted.map(async ({ option, at }) => ((await isTaken(at)) ? [option] : [])));
  return taken.flat();
}

async function isTaken(at: { readonly host?: string; readonly port: number }): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(at), "listening");
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EADDRINUSE";
  } finally {
    server.close();
  }
}
