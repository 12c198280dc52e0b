export interface Moments {
  mean: number;
  /** The standard deviation of what the values are a sample of; 0 where there is one value. */
  deviation: number;
}

export function momentsOf(values: readonly number[]): Moments {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((s, v) => s + (v - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}
