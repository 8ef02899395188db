import { Random } from ".";

// Flat functions for random.test.ts.

let random = new Random(0);

export function seed(value: u64): void {
  random = new Random(value);
}

export function next(): u64 {
  return random.next();
}

export function below(bound: u32): u32 {
  return random.below(bound);
}
