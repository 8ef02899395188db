import { Spread } from ".";

// Flat functions for spread.test.ts.

const spread = new Spread();

export function clear(): void {
  spread.clear();
}

export function add(value: f64): void {
  spread.add(value);
}

export function size(): i32 {
  return spread.size;
}

export function mean(): f64 {
  return spread.mean;
}

export function deviation(): f64 {
  return spread.deviation;
}
