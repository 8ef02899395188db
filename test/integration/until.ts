/** Tries again until `condition` holds, and gives what it gave; fails with what it saw last after 20 seconds. */
export async function until<T>(what: string, look: () => Promise<T>, condition: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = await look();
    if (condition(value)) return value;
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}; at last it was ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
