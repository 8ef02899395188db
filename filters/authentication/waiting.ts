import { AuthenticationStream } from "./stream";

/** Requests that wait for keys, who came first before the others: a list through the streams themselves, so that it needs no memory of its own. */
@final
export class Waiting {
  private first: AuthenticationStream | null = null;
  private last: AuthenticationStream | null = null;
  /** How often they were judged anew. */
  private round: u32 = 0;

  add(stream: AuthenticationStream): void {
    const last = this.last;
    stream.next = null;
    stream.previous = last;
    stream.waiting = this;
    stream.round = this.round;
    if (last != null) last.next = stream;
    else this.first = stream;
    this.last = stream;
  }

  remove(stream: AuthenticationStream): void {
    const next = stream.next;
    const previous = stream.previous;
    if (next != null) next.previous = previous;
    else this.last = previous;
    if (previous != null) previous.next = next;
    else this.first = next;
    stream.next = null;
    stream.previous = null;
    stream.waiting = null;
  }

  /** Judges every waiting request anew, once: what waits again stands behind all that have waited until now. */
  resumeAll(): void {
    const round = ++this.round;
    for (let stream = this.first; stream != null && stream.round != round; stream = this.first) {
      this.remove(stream);
      if (stream.enter()) stream.judgeAgain();
      if (stream.waiting == null) stream.endHold();
    }
  }
}
