/**
 * Counts what makes values stale that were read for the current stream: a new outermost callback, another effective context. What is kept together with the
 * count of its time is good as long as that is the count of now.
 */
export let epoch: u32 = 1;

// @ts-ignore: decorator
@inline
export function beginEpoch(): void {
  epoch++;
}
