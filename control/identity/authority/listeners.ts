/** Who is called back. */
export class Listeners {
  private readonly all = new Set<() => void>();

  /** @returns what ends it */
  add(listener: () => void): () => void {
    // Of its own, so that a function that is added twice is taken away once.
    const own = () => listener();
    this.all.add(own);
    return () => void this.all.delete(own);
  }

  call(): void {
    for (const listener of [...this.all]) listener();
  }
}
