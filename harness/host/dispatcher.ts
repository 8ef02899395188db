/**
 * The event loop of one worker thread. Everything that happens to a VM happens inside {@link enter} and {@link leave}; what was posted
 * meanwhile (queue events, callouts that were answered at once) runs when the outermost one ends, as in Envoy's dispatcher.
 */
export class Dispatcher {
  private depth = 0;
  private tasks: Array<() => void> = [];
  private running = false;

  /** Whether a task or an entry runs now. */
  get busy(): boolean {
    return this.depth > 0 || this.running;
  }

  enter(): void {
    this.depth++;
  }

  leave(): void {
    if (--this.depth === 0 && this.tasks.length > 0) this.run();
  }

  /** Runs `task` after what runs now; at once where nothing runs. */
  post(task: () => void): void {
    this.tasks.push(task);
    if (!this.busy) this.run();
  }

  private run(): void {
    if (this.running) return;
    this.running = true;
    try {
      for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) task();
    } finally {
      this.running = false;
    }
  }
}
