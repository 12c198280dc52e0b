import { AssertionError } from 'node:assert';
import { Mulberry32 } from '../../src/common/mulberry';
import * as tf from '../../src/engine/tf';
import type { NpyArray } from './npz';

/** Anything that holds numbers: a tensor, an array read by numpy, a typed or plain array, a single number. */
export type Numbers = tf.Tensor | NpyArray | ArrayLike<number> | number;

export interface CloseOptions {
  /** Largest absolute error allowed, as a fraction of the expected values' own scale max|expected|. */
  relative?: number;
  /** Absolute error allowed on top; for values whose expected scale is 0. */
  absolute?: number;
  message?: string;
}

export interface Deviation {
  /** max |actual - expected|; NaN where either side holds a NaN that the other has not. */
  error: number;
  /** max |expected| */
  scale: number;
  /** error / scale; 0 where both are 0. */
  relative: number;
  /** Where the largest error is: the index in each dimension, the two values there. */
  place: number[];
  actual: number;
  expected: number;
}

function valuesOf(x: Numbers): { shape: number[] | undefined; data: ArrayLike<number> } {
  if (typeof x === 'number') return { shape: undefined, data: [x] };
  if (x instanceof tf.Tensor) return { shape: x.shape, data: x.dataSync() };
  if ('dtype' in x && 'data' in x) return { shape: x.shape, data: x.data };
  return { shape: undefined, data: x as ArrayLike<number> };
}

/**
 * The largest deviation between two sets of numbers. Shapes must be equal where both sides have one (dimensions of 1 at
 * the front aside).
 */
export function deviation(actual: Numbers, expected: Numbers): Deviation {
  const a = valuesOf(actual);
  const e = valuesOf(expected);
  const trim = (s: number[]) => s.slice(s.findIndex((n) => n !== 1) < 0 ? s.length : s.findIndex((n) => n !== 1));
  if (a.data.length !== e.data.length || (a.shape && e.shape && `${trim(a.shape)}` !== `${trim(e.shape)}`)) {
    const show = (v: { shape?: number[]; data: ArrayLike<number> }) => (v.shape ? `[${v.shape}]` : `${v.data.length} values`);
    throw new AssertionError({ message: `shapes differ: actual ${show(a)}, expected ${show(e)}` });
  }
  let error = 0;
  let scale = 0;
  let at = 0;
  for (let i = 0; i < e.data.length; i++) {
    const x = a.data[i];
    const y = e.data[i];
    if (Math.abs(y) > scale) scale = Math.abs(y);
    if (x === y || (x !== x && y !== y)) continue;
    const d = Math.abs(x - y);
    // A NaN on one side wins over every number.
    if (!(d <= error) && error === error) {
      error = d;
      at = i;
    }
  }
  const shape = a.shape ?? e.shape ?? [e.data.length];
  const place: number[] = [];
  for (let d = shape.length - 1, rest = at; d >= 0; rest = Math.floor(rest / shape[d--])) place.unshift(rest % shape[d]);
  return { error, scale, relative: error === 0 ? 0 : error / scale, place, actual: a.data[at], expected: e.data[at] };
}

/**
 * Asserts max |actual - expected| <= relative * max |expected| + absolute. `relative` is 1e-5 unless told: about 100
 * roundings of float32 (6e-8 each) in a row; state the reason where a test needs another. Returns the deviation, so
 * that a test can report it.
 */
export function assertClose(actual: Numbers, expected: Numbers, options: CloseOptions | number = {}, message?: string): Deviation {
  const { relative = 1e-5, absolute = 0, message: text = message } = typeof options === 'number' ? { relative: options } : options;
  const d = deviation(actual, expected);
  const allowed = relative * d.scale + absolute;
  if (!(d.error <= allowed)) {
    throw new AssertionError({
      message:
        `${text ? `${text}: ` : ''}largest error ${d.error.toExponential(3)} at [${d.place}] (actual ${d.actual}, expected ${d.expected}), ` +
        `allowed ${allowed.toExponential(3)}; scale of the expected values ${d.scale.toExponential(3)}`,
      actual: d.actual,
      expected: d.expected,
      stackStartFn: assertClose,
    });
  }
  return d;
}

export interface GradientOptions {
  /** Step of the central difference, in units of each input's own root mean square (or 1 where that is 0). */
  eps?: number;
  /** Allowed error of the directional derivative as a fraction of the gradient's length. */
  tolerance?: number;
  /** Seed of directions and output weights. */
  seed?: number;
  /** Random directions tried for each input. */
  directions?: number;
  message?: string;
}

/**
 * Checks the gradient of `f` with regard to each of `inputs` (tensors, or variables that f uses from its closure)
 * against finite differences.
 *
 * For output y = f(x), fixed random weights w and a random normal direction v of x, the derivative of s(t) = <w, f(x +
 * t v)> at 0 is <grad, v>, which is compared with (4 D(h/2) - D(h)) / 3, D(h) = (s(h) - s(-h)) / 2h.
 *
 * Why the tolerance is 2e-3: with h = 0.02 of the input's scale the truncation is of order h^4 = 2e-7, and the rounding
 * of float32 outputs is 6e-8 |s| / h = 3e-6 relative to |s| (the sum over outputs is taken in float64), which grows
 * with |s| / |grad|, up to a few hundred in a deep block with normalisation. A wrong factor, a missing term or a
 * transposed index gives errors of order 1. Where f has kinks (relu), a step crosses some of them and each adds an
 * error of order h: use a smaller step or move the inputs off the kinks.
 */
export function checkGradient(f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], options: GradientOptions = {}): void {
  const { eps = 0.02, tolerance = 2e-3, seed = 1, directions = 2, message } = options;
  const normal = normals(seed);
  const y = tf.tidy(() => f(...inputs));
  const weights = Float32Array.from({ length: y.size }, normal);
  const w = tf.tensor(weights, y.shape);
  const grads = tf.tidy(() => tf.engine().gradients(() => f(...inputs), inputs, w).grads);
  const originals = inputs.map((x) => x.dataSync().slice() as Float32Array);

  const along = (k: number, v: Float32Array, h: number): number => {
    const x = inputs[k];
    const moved = tf.tensor(
      originals[k].map((value, i) => value + h * v[i]),
      x.shape,
    );
    const out = tf.tidy(() => {
      if (x instanceof tf.Variable) {
        x.assign(moved);
        const y = f(...inputs);
        // Back at once: the inputs after this one are checked at the original place.
        x.assign(tf.tensor(originals[k], x.shape));
        return y;
      }
      return f(...inputs.map((input, i) => (i === k ? moved : input)));
    });
    const s = dot(out.dataSync(), weights);
    tf.dispose([moved, out]);
    return s;
  };

  try {
    inputs.forEach((x, k) => {
      const g = grads[k].dataSync();
      const length = Math.sqrt(dot(g, g));
      const rms = Math.sqrt(dot(originals[k], originals[k]) / x.size) || 1;
      const h = eps * rms;
      const central = (v: Float32Array, step: number) => (along(k, v, step) - along(k, v, -step)) / (2 * step);
      for (let n = 0; n < directions; n++) {
        const v = Float32Array.from({ length: x.size }, normal);
        const numeric = (4 * central(v, h / 2) - central(v, h)) / 3;
        const analytic = dot(g, v);
        const error = Math.abs(numeric - analytic);
        // A gradient that is wrongly zero must not pass because its own length is zero.
        if (!(error <= tolerance * Math.max(length, Math.abs(numeric)))) {
          throw new AssertionError({
            message:
              `${message ? `${message}: ` : ''}gradient of input ${k} [${x.shape}]: along a random direction ${analytic}, by finite differences ` +
              `${numeric}; error ${(error / Math.max(length, Math.abs(numeric))).toExponential(2)} of the gradient's length ${length}, allowed ${tolerance}`,
            stackStartFn: checkGradient,
          });
        }
      }
    });
  } finally {
    inputs.forEach((x, k) => {
      if (x instanceof tf.Variable) tf.tidy(() => x.assign(tf.tensor(originals[k], x.shape)));
    });
    tf.dispose([y, w, ...grads]);
  }
}

/**
 * Asserts that `fn` leaves as many tensors as it found. It runs once before counting, so that caches kept on purpose
 * (plans, index tables) are made; pass `{ warm: 0 }` to count these too.
 */
export async function assertNoLeak(fn: () => unknown, { warm = 1 }: { warm?: number } = {}): Promise<void> {
  for (let i = 0; i < warm; i++) await fn();
  const before = tf.memory().numTensors;
  await fn();
  const after = tf.memory().numTensors;
  if (after !== before) {
    throw new AssertionError({
      message: `${after - before} tensors leaked (${before} before, ${after} after)`,
      stackStartFn: assertNoLeak,
    });
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i] * b[i];
  return s;
}

/** Seeded standard normal numbers (mulberry32, Box-Muller). */
export function normals(seed: number): () => number {
  const random = new Mulberry32(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
