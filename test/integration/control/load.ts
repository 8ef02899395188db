import { Client, type Place } from "./client.ts";

/** Requests without end over several connections, until it is stopped; every answer other than 200 is kept. */
export class Load implements AsyncDisposable {
  answered = 0;
  readonly lost: string[] = [];
  private stopped = false;
  private readonly client: Client;
  private readonly loops: readonly Promise<void>[];

  /** @param hosts are called in turn */
  constructor(place: Place, hosts: readonly string[], connections = 4) {
    this.client = new Client(place, connections);
    this.loops = Array.from({ length: connections }, (_, index) => this.run(hosts, index));
  }

  private async run(hosts: readonly string[], first: number): Promise<void> {
    for (let next = first; !this.stopped; next++) {
      const host = hosts[next % hosts.length] ?? "";
      try {
        const { status, body, headers } = await this.client.get(host, "/");
        if (status === 200) this.answered++;
        else this.lost.push(`${host}: ${status} ${body} ${JSON.stringify([...headers])}`);
      } catch (error) {
        this.lost.push(`${host}: ${String(error)}`);
      }
    }
  }

  /** Lets what is on its way be answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stopped = true;
    await Promise.all(this.loops);
    this.client[Symbol.dispose]();
  }
}
