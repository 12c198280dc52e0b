/**
 * Maps in few bytes, for pages that carry their data with them. Weights are rounded to steps of their square root; what stays is predicted
 * from the pixels before it (as LOCO-I, the predictor of JPEG-LS, does) and deflated. `page.js` is the way back.
 */
import { TAPS, type Kernels } from '../../src/inspection/kernels';

/** One byte a pixel, rows top to bottom. */
export interface BytePlane {
  data: Uint8Array;
  height: number;
  width: number;
}

/** Kernels in steps: the weight of tap k is (low[k] + (high[k] - low[k]) * step / levels)^2, over the sum of all 25. */
export interface QuantisedKernels {
  /** A plane of steps for each tap. */
  planes: BytePlane[];
  low: number[];
  high: number[];
}

/**
 * Rounds kernels to `levels` + 1 steps a tap, from the tap's smallest to its largest root. Roots keep small weights readable: a step at 1 %
 * is a tenth of one at 100 %.
 */
export function quantise({ weights, height, width }: Kernels, levels: number): QuantisedKernels {
  const quantised: QuantisedKernels = { planes: [], low: [], high: [] };
  for (let k = 0; k < TAPS; k++) {
    const roots = new Float64Array(height * width);
    for (let i = 0; i < roots.length; i++) roots[i] = Math.sqrt(weights[i * TAPS + k]);
    const [low, high] = roots.reduce(([a, b], r) => [Math.min(a, r), Math.max(b, r)], [Infinity, 0]);
    const factor = levels / (high - low || 1);
    quantised.planes.push({ data: Uint8Array.from(roots, (r) => Math.round((r - low) * factor)), height, width });
    quantised.low.push(low);
    quantised.high.push(high);
  }
  return quantised;
}

/** The kernels that a page makes of quantised ones. */
export function dequantise({ planes, low, high }: QuantisedKernels, levels: number): Kernels {
  const [{ height, width }] = planes;
  const weights = new Float32Array(height * width * TAPS);
  for (let i = 0; i < height * width; i++) {
    let sum = 0;
    for (let k = 0; k < TAPS; k++) {
      const root = low[k] + ((high[k] - low[k]) * planes[k].data[i]) / levels;
      weights[i * TAPS + k] = root * root;
      sum += root * root;
    }
    for (let k = 0; k < TAPS; k++) weights[i * TAPS + k] /= sum;
  }
  return { weights, height, width };
}

/** Planes one after the other. Each begins with the distance that its samples are predicted over, 0 for none. */
export function predictedPlanes(planes: readonly BytePlane[]): Uint8Array {
  const parts = planes.map(predicted);
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Of the ways to predict the one that leaves least. Two pixels away lies the same parity, which SAU computes its kernels by. */
function predicted(plane: BytePlane): Uint8Array {
  const ways = [0, 1, 2].map((step) => ({ step, rest: step ? residuals(plane, step) : plane.data }));
  const [best] = ways.map((way) => ({ ...way, size: entropyOf(way.rest) })).sort((a, b) => a.size - b.size);
  const bytes = new Uint8Array(1 + best.rest.length);
  bytes[0] = best.step;
  bytes.set(best.rest, 1);
  return bytes;
}

/** Samples less the median of left, above and left + above - corner, `step` pixels away, modulo 256. */
function residuals({ data, height, width }: BytePlane, step: number): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const left = x >= step ? data[i - step] : -1;
      const above = y >= step ? data[i - step * width] : -1;
      let guess = Math.max(left, above, 0);
      if (left >= 0 && above >= 0) guess = Math.max(Math.min(left, above), Math.min(guess, left + above - data[i - step * width - step]));
      out[i] = data[i] - guess;
    }
  }
  return out;
}

/** Bits that the bytes would take if each were coded by its frequency alone. */
function entropyOf(bytes: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const b of bytes) counts[b]++;
  return counts.reduce((sum, n) => (n ? sum - n * Math.log2(n / bytes.length) : sum), 0);
}
