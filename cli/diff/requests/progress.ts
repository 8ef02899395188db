import type { WriteStream } from "node:tty";

/** Milliseconds between two looks at a terminal, and between two lines elsewhere. */
const REDRAW = 200;
const LINE = 10_000;

/** Tells how far a long run is: on a terminal in one line that is written anew, elsewhere in a line now and then. A run that is short says nothing. */
export class Progress implements Disposable {
  private readonly stream: WriteStream;
  private readonly timer: NodeJS.Timeout;
  private drawn = false;

  /** @param text says how far it is */
  constructor(stream: WriteStream, text: () => string) {
    this.stream = stream;
    const isTerminal = stream.isTTY === true;
    this.timer = setInterval(
      () => {
        this.drawn = isTerminal;
        stream.write(isTerminal ? `\r\u001b[K${text()}` : `${text()}\n`);
      },
      isTerminal ? REDRAW : LINE,
    );
    this.timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
    if (this.drawn) this.stream.write("\r\u001b[K");
  }
}
