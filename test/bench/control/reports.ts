/** To the process that serves. */
export type Order =
  | { readonly order: "start"; readonly services: number }
  /** Waits until so many streams have accepted everything; then says what it took since the last report. */
  | { readonly order: "settle"; readonly streams: number }
  | { readonly order: "change"; readonly typeUrl: string; readonly index: number };

/** From it. */
export type Report =
  | { readonly report: "listening"; readonly port: number }
  | {
      readonly report: "settled";
      /** Milliseconds from the change to the ACK, of every stream. */
      readonly convergence: readonly number[];
      /** Seconds of CPU and bytes sent since the last report. */
      readonly cpu: number;
      readonly bytes: number;
      /** Bytes resident. */
      readonly resident: number;
    };

/** What a process that serves keeps book of. */
export class Ledger {
  private convergence: number[] = [];
  private bytes = 0;
  private cpu = process.cpuUsage();

  sent(bytes: number): void {
    this.bytes += bytes;
  }

  converged(milliseconds: number): void {
    this.convergence.push(milliseconds);
  }

  /** Sends a report when `isSettled`, and begins a new page. */
  async settle(isSettled: () => boolean): Promise<void> {
    while (!isSettled()) await new Promise((resolve) => setTimeout(resolve, 1));
    const used = process.cpuUsage(this.cpu);
    const { convergence, bytes } = this;
    send({ report: "settled", convergence, cpu: (used.user + used.system) / 1e6, bytes, resident: process.memoryUsage.rss() });
    this.convergence = [];
    this.bytes = 0;
    this.cpu = process.cpuUsage();
  }
}

export function send(report: Report): void {
  process.send?.(report);
}

/** Calls `carryOut` for every order, and ends with the process that gives them. */
export function onOrder(carryOut: (order: Order) => void): void {
  process.on("message", (message) => carryOut(message as Order));
  process.on("disconnect", () => process.exit());
}
