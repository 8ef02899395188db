import { AuthenticationStream } from "./stream";

/** Requests that wait for keys: a list through the streams themselves, so that it needs no memory of its own. */
@final
export class Waiting {
  first: AuthenticationStream | null = null;

  add(stream: AuthenticationStream): void {
    const next = this.first;
    stream.next = next;
    stream.previous = null;
    stream.waiting = this;
    if (next != null) next.previous = stream;
    this.first = stream;
  }

  remove(stream: AuthenticationStream): void {
    const next = stream.next;
    const previous = stream.previous;
    if (next != null) next.previous = previous;
    if (previous != null) previous.next = next;
    else this.first = next;
    stream.next = null;
    stream.previous = null;
    stream.waiting = null;
  }

  /** Judges every waiting request anew. One that waits again would be found again, so each is judged at its last chance. */
  resumeAll(): void {
    for (let stream = this.first; stream != null; stream = this.first) {
      this.remove(stream);
      if (stream.enter()) stream.judgeAgain();
    }
  }
}
