/**
 * Mean and standard deviation of numbers that come one by one, in one pass (Welford, "Note on a method for calculating corrected sums of
 * squares and products", 1962): of the whole population, as Envoy's outlier detection has it. One object serves again and again.
 */
@final
export class Spread {
  private count: i32 = 0;
  private average: f64 = 0;
  private squares: f64 = 0;

  clear(): void {
    this.count = 0;
    this.average = 0;
    this.squares = 0;
  }

  add(value: f64): void {
    this.count++;
    const distance = value - this.average;
    this.average += distance / <f64>this.count;
    this.squares += distance * (value - this.average);
  }

  get size(): i32 {
    return this.count;
  }

  /** 0 of nothing. */
  get mean(): f64 {
    return this.average;
  }

  /** 0 of nothing, and of one. */
  get deviation(): f64 {
    return this.count > 0 ? sqrt<f64>(max<f64>(this.squares, 0) / <f64>this.count) : 0;
  }
}
