/** What SAU's 25 weights of a pixel say, as maps: how much falls on the pixel's own class, how far they are spread. */
import { resizeLabelsCorner } from '../data/resize';
import { IGNORE, type LabelMap } from '../data/types';
import type * as tf from '../engine/tf';

/** Side of SAU's window. */
export const SIDE = 5;
export const TAPS = SIDE * SIDE;
/** Entropy of a uniform window in bits, the largest there is. */
export const UNIFORM_BITS = Math.log2(TAPS);

/** The weights of every pixel of one image: those of pixel (x, y) begin at (y * width + x) * 25, tap ky*5 + kx, and sum to 1. */
export interface Kernels {
  weights: Float32Array;
  height: number;
  width: number;
}

/** One number a pixel, rows top to bottom; NaN where there is none. Figures take it as a `FloatMap`. */
export interface PixelMap {
  data: Float32Array;
  height: number;
  width: number;
}

/** The kernels of one image of an attention [B,H,W,25], which is not disposed. Throws a RangeError for another shape. */
export async function kernelsOf(attention: tf.Tensor4D, index = 0): Promise<Kernels> {
  const [batch, height, width, taps] = attention.shape;
  if (taps !== TAPS) throw new RangeError(`expected an attention [B, H, W, ${TAPS}], got [${attention.shape}]`);
  if (!(index >= 0 && index < batch)) throw new RangeError(`image ${index} is not in a batch of ${batch}`);
  const all = (await attention.data()) as Float32Array;
  const size = height * width * TAPS;
  return { weights: all.subarray(index * size, (index + 1) * size), height, width };
}

/** Kernels that weigh all 25 taps alike: what a plain average over the window is. */
export function uniformKernels(height: number, width: number): Kernels {
  return { weights: new Float32Array(height * width * TAPS).fill(1 / TAPS), height, width };
}

/**
 * The average of the kernels, at every pixel: what is left of them when they do not look at the picture. Each of the four positions in a
 * pixel of the smaller features has an average of its own, since all upsampling, nearest and bilinear too, weighs them differently.
 */
export function meanKernels({ weights, height, width }: Kernels): Kernels {
  const place = (i: number) => (Math.floor(i / width) % 2) * 2 + ((i % width) % 2);
  const sums = Array.from({ length: 4 }, () => new Float64Array(TAPS));
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < height * width; i++) {
    counts[place(i)]++;
    for (let k = 0; k < TAPS; k++) sums[place(i)][k] += weights[i * TAPS + k];
  }
  const averages = sums.map((sum, p) => sum.map((s) => s / counts[p]));
  const mean = new Float32Array(weights.length);
  for (let i = 0; i < height * width; i++) mean.set(averages[place(i)], i * TAPS);
  return { weights: mean, height, width };
}

/** The classes at the size of some kernels: the pixel under the corner, as the generator's SPADE layers take it. */
export function labelsAt(labels: LabelMap, { height, width }: { height: number; width: number }): LabelMap {
  return labels.height === height && labels.width === width ? labels : resizeLabelsCorner(labels, [height, width]);
}

/**
 * Share of each pixel's weight on taps of its own class, 0..1; NaN at pixels of no class. Taps outside of the map hold weight but have no
 * class: at the border even a map of one class stays below 1.
 */
export function sameClassShare(kernels: Kernels, labels: LabelMap): PixelMap {
  const { data } = labelsAt(labels, kernels);
  return perPixel(kernels, (i, weight, taps) => {
    if (data[i] === IGNORE) return NaN;
    let sum = 0;
    for (let k = 0; k < TAPS; k++) if (taps[k] >= 0 && data[taps[k]] === data[i]) sum += weight[k];
    return sum;
  });
}

/** Share of each pixel's weight on taps outside of the map, 0..1. */
export function outsideShare(kernels: Kernels): PixelMap {
  return perPixel(kernels, (_, weight, taps) => {
    let sum = 0;
    for (let k = 0; k < TAPS; k++) if (taps[k] < 0) sum += weight[k];
    return sum;
  });
}

/** Entropy of each pixel's weights in bits: 0 where one tap has all, log2 25 = 4.64 where all have the same. */
export function kernelEntropy(kernels: Kernels): PixelMap {
  return perPixel(kernels, (_, weight) => {
    let bits = 0;
    for (const w of weight) if (w > 0) bits -= w * Math.log2(w);
    return bits;
  });
}

/** Which pixels have more than one class in their window (1) and which have not (0), row by row. Pixels of no class do not count. */
export function boundaryPixels(labels: LabelMap): Uint8Array {
  const { data, height, width } = labels;
  const taps = new Int32Array(TAPS);
  return Uint8Array.from(data, (_, i) => {
    fillTaps(taps, i, height, width);
    const first = taps.find((tap) => tap >= 0 && data[tap] !== IGNORE);
    return Number(first !== undefined && taps.some((tap) => tap >= 0 && data[tap] !== IGNORE && data[tap] !== data[first]));
  });
}

/** The pixels of the window around pixel `i`, tap by tap; -1 outside of the map. */
export function fillTaps(taps: Int32Array, i: number, height: number, width: number): void {
  const y = Math.floor(i / width);
  const x = i % width;
  for (let k = 0; k < TAPS; k++) {
    const ty = y + Math.floor(k / SIDE) - 2;
    const tx = x + (k % SIDE) - 2;
    taps[k] = ty >= 0 && ty < height && tx >= 0 && tx < width ? ty * width + tx : -1;
  }
}

/** A map of f(pixel, its weights, the pixels under its taps). */
function perPixel({ weights, height, width }: Kernels, f: (i: number, weight: Float32Array, taps: Int32Array) => number): PixelMap {
  const taps = new Int32Array(TAPS);
  const data = new Float32Array(height * width);
  for (let i = 0; i < data.length; i++) {
    fillTaps(taps, i, height, width);
    data[i] = f(i, weights.subarray(i * TAPS, (i + 1) * TAPS), taps);
  }
  return { data, height, width };
}
