import { deviation } from '../testing/close';
import type { Row } from './row';

/** Numbers in the original's layout: C order of [N,C,H,W]. */
export interface Values {
  shape: readonly number[];
  data: ArrayLike<number>;
  /** `data` holds every stride-th element only, beginning with `first`. */
  sampled?: { stride: number; first: number };
}

/** What the golden files hold of a tensor that is too large for them. */
export interface Summary {
  shape: number[];
  mean: number;
  std: number;
  min: number;
  max: number;
  /** Every `sample_stride`-th element from the first. */
  sample_stride: number;
  samples: number[];
}

/** The largest deviation allowed, as a fraction of a tensor's own scale: 1600 units in the last place of float32. */
export const RELATIVE_LIMIT = 1e-4;

export interface CompareOptions {
  /** The deviation allowed, as a fraction of the scale. Default `RELATIVE_LIMIT`. */
  relative?: number;
  /** An absolute deviation that is allowed where it is larger. */
  tolerance?: number;
  group?: string;
  note?: string;
}

const largest = ({ data }: Values) => {
  let max = 0;
  for (let i = 0; i < data.length; i++) if (!(Math.abs(data[i]) <= max)) max = Math.abs(data[i]);
  return max;
};

/** A row for an array that the reference gives in full, or sampled with its largest among them. `actual` undefined: nothing was computed for it. */
export function compareArray(quantity: string, actual: Values | undefined, expected: Values, options: CompareOptions = {}): Row {
  const { tolerance = 0, relative = RELATIVE_LIMIT, ...rest } = options;
  const scale = largest(expected);
  const limit = Math.max(relative * scale, tolerance);
  const failed = (note: string): Row => ({ quantity, reference: scale, ours: '-', scale, error: NaN, limit, ...rest, note });
  if (!actual) return failed('not computed');
  if (`${withoutOnes(actual.shape)}` !== `${withoutOnes(expected.shape)}`) return failed(`shape [${actual.shape}] here, [${expected.shape}] in the reference`);
  const { sampled } = expected;
  const ours = sampled ? { ...actual, data: Float32Array.from(expected.data, (_, i) => actual.data[sampled.first + i * sampled.stride]) } : actual;
  const { error } = deviation(ours.data, expected.data);
  return { quantity, reference: scale, ours: largest(ours), scale, error, limit, ...rest };
}

const withoutOnes = (shape: readonly number[]) => shape.filter((n) => n !== 1);

/** A row for an array of which the reference gives mean, standard deviation, smallest, largest and some elements. */
export function compareSummary(quantity: string, actual: Values | undefined, expected: Summary, options: CompareOptions = {}): Row {
  const scale = Math.max(Math.abs(expected.min), Math.abs(expected.max));
  const { tolerance = 0, relative = RELATIVE_LIMIT, ...rest } = options;
  const limit = Math.max(relative * scale, tolerance);
  const failed = (note: string): Row => ({ quantity, reference: scale, ours: '-', scale, error: NaN, limit, ...rest, note });
  if (!actual) return failed('not computed');
  if (`${withoutOnes(actual.shape)}` !== `${withoutOnes(expected.shape)}`) return failed(`shape [${actual.shape}] here, [${expected.shape}] in the reference`);
  const ours = summarise(actual, expected.sample_stride, expected.samples.length);
  const { error } = deviation(figures(ours), figures(expected));
  return { quantity, reference: scale, ours: Math.max(Math.abs(ours.min), Math.abs(ours.max)), scale, error, limit, ...rest };
}

/** The numbers of a summary in a row. */
export const figures = ({ mean, std, min, max, samples }: Omit<Summary, 'shape' | 'sample_stride'>) => [mean, std, min, max, ...samples];

function summarise({ data }: Values, stride: number, count: number): Omit<Summary, 'shape' | 'sample_stride'> {
  let [sum, min, max] = [0, Infinity, -Infinity];
  for (let i = 0; i < data.length; i++) {
    sum += data[i];
    if (data[i] < min) min = data[i];
    if (data[i] > max) max = data[i];
  }
  const mean = sum / data.length;
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += (data[i] - mean) ** 2;
  const samples = Array.from({ length: count }, (_, i) => data[i * stride]);
  return { mean, std: Math.sqrt(squares / data.length), min, max, samples };
}

/** A row for a single number. `scale`: what it is measured against where that is not its own magnitude. */
export function compareNumber(quantity: string, ours: number, reference: number, options: CompareOptions & { scale?: number } = {}): Row {
  const { tolerance = 0, scale = Math.abs(reference), relative = RELATIVE_LIMIT, ...rest } = options;
  const limit = Math.max(relative * scale, tolerance);
  return { quantity, reference, ours, scale, error: Math.abs(ours - reference), limit, ...rest };
}
