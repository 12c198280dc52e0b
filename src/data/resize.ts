/**
 * Resizing equal to Pillow's `Image.resize` on 8-bit images, to the last bit (Pillow's src/libImaging/Resample.c, Geometry.c).
 *
 * Pillow resamples in two passes, along rows, then along columns, rounding to 8 bits after each. An output pixel is the weighted sum of
 * the inputs within support * max(1, scale) of its centre: shrinking averages, as it should (most libraries do not). Weights are
 * normalised in float64 and then rounded to fixed point with 22 bits, so the result does not depend on the order of summation. It does
 * depend on the order of the passes, which Pillow 13 turns round where the height shrinks by more than twice as many pixels as the width;
 * so do we. No resize of this project's own preparation is of that kind, so it equals every Pillow since 3.3.
 */
import type { LabelMap, RgbImage, Size } from './types';

export type Filter = 'nearest' | 'bilinear' | 'bicubic';

const PRECISION_BITS = 32 - 8 - 2;

const KERNELS: Record<Exclude<Filter, 'nearest'>, { support: number; weight: (x: number) => number }> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
};

/** Keys' cubic with a = -0.5, in Pillow's order of operations. */
function bicubic(x: number): number {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/** A picture at another size, [height, width]. */
export function resizeImage(image: RgbImage, size: Size, filter: Filter = 'bicubic'): RgbImage {
  const [height, width] = size;
  return { data: resizeBytes(image.data, image.height, image.width, 3, height, width, filter), height, width };
}

/**
 * A label map at another size, [height, width], as Pillow's NEAREST: source index floor((i + 0.5) * in / out), the pixel under the
 * centre. The network's own nearest resize takes floor(i * in / out), the pixel under the corner (`resizeLabelsCorner`); the two differ
 * at every pixel when halving (odd against even source pixels) and agree when enlarging by whole factors.
 */
export function resizeLabels(labels: LabelMap, size: Size): LabelMap {
  const [height, width] = size;
  return { data: resizeBytes(labels.data, labels.height, labels.width, 1, height, width, 'nearest'), height, width };
}

/**
 * Nearest resize of a picture or label map with source index floor(i * in / out), as PyTorch's and Jittor's `interpolate` and the generator's
 * SPADE do.
 */
export function resizeCorner(image: LabelMap | RgbImage, [height, width]: Size): LabelMap | RgbImage {
  const index = (n: number, from: number) => Uint32Array.from({ length: n }, (_, i) => Math.floor((i * from) / n));
  const channels = image.data.length / (image.height * image.width);
  return { data: gather(image.data, image.width, channels, index(height, image.height), index(width, image.width)), height, width };
}

/** `resizeCorner` for label maps. */
export const resizeLabelsCorner = (labels: LabelMap, size: Size): LabelMap => resizeCorner(labels, size);

/**
 * Interleaved 8-bit samples [height, width, channels] at the size [toHeight, toWidth]. Never returns the input itself.
 * Throws a RangeError for sizes that are not whole numbers of at least 1.
 */
export function resizeBytes(data: Uint8Array, height: number, width: number, channels: number, toHeight: number, toWidth: number, filter: Filter): Uint8Array {
  for (const n of [height, width, toHeight, toWidth]) {
    if (!Number.isInteger(n) || n < 1) throw new RangeError(`cannot resize ${width}x${height} to ${toWidth}x${toHeight}`);
  }
  if (data.length !== height * width * channels) {
    throw new RangeError(`${data.length} bytes are no image of ${width}x${height} with ${channels} channels`);
  }
  if (toHeight === height && toWidth === width) return data.slice();
  if (filter === 'nearest') {
    return gather(data, width, channels, centreIndices(height, toHeight), centreIndices(width, toWidth));
  }
  const rows = (d: Uint8Array, h: number) => (toWidth === width ? d : resizeRows(d, h, width, channels, toWidth, coefficients(width, toWidth, filter)));
  const columns = (d: Uint8Array, w: number) => (toHeight === height ? d : resizeColumns(d, w * channels, toHeight, coefficients(height, toHeight, filter)));
  return columnsFirst(height, width, toHeight, toWidth) ? rows(columns(data, width), toHeight) : columns(rows(data, height), toWidth);
}

/** Pillow 13's rule for the order of the passes. Older versions always began with the rows. */
function columnsFirst(height: number, width: number, toHeight: number, toWidth: number): boolean {
  const less = height - toHeight;
  return less > 0 && less > 2 * (width - toWidth);
}

/** Pillow's source indices: it adds up the step in float64, and so do we. */
function centreIndices(from: number, to: number): Uint32Array {
  const step = from / to;
  const indices = new Uint32Array(to);
  for (let i = 0, position = step * 0.5; i < to; i++, position += step) indices[i] = position;
  return indices;
}

function gather(data: Uint8Array, width: number, channels: number, rows: Uint32Array, columns: Uint32Array): Uint8Array {
  const out = new Uint8Array(rows.length * columns.length * channels);
  let o = 0;
  for (const row of rows) {
    for (const column of columns) {
      let i = (row * width + column) * channels;
      for (let c = 0; c < channels; c++) out[o++] = data[i++];
    }
  }
  return out;
}

interface Coefficients {
  /** Taps reserved for each output. */
  taps: number;
  /** First input and number of inputs of each output. */
  first: Int32Array;
  count: Int32Array;
  /** Fixed-point weights, `taps` for each output. */
  weights: Int32Array;
}

function coefficients(from: number, to: number, filter: Exclude<Filter, 'nearest'>): Coefficients {
  const kernel = KERNELS[filter];
  const scale = from / to;
  const filterScale = Math.max(1, scale);
  const support = kernel.support * filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * taps);
  const w = new Float64Array(taps);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(centre - support + 0.5));
    const n = Math.min(from, Math.trunc(centre + support + 0.5)) - begin;
    let sum = 0;
    for (let k = 0; k < n; k++) {
      w[k] = kernel.weight((k + begin - centre + 0.5) * (1 / filterScale));
      sum += w[k];
    }
    for (let k = 0; k < n; k++) {
      const normalised = (sum !== 0 ? w[k] / sum : w[k]) * (1 << PRECISION_BITS);
      weights[i * taps + k] = Math.trunc(normalised < 0 ? normalised - 0.5 : normalised + 0.5);
    }
    first[i] = begin;
    count[i] = n;
  }
  return { taps, first, count, weights };
}

const HALF = 1 << (PRECISION_BITS - 1);

function resizeRows(data: Uint8Array, height: number, width: number, channels: number, to: number, k: Coefficients): Uint8Array {
  if (channels === 3 && height > 1) return resizeRowsRgb(data, height, width, to, k);
  // A clamped array does Pillow's clip8.
  const out = new Uint8ClampedArray(height * to * channels);
  const { taps, first, count, weights } = k;
  let o = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      const end = x * taps + count[x];
      for (let c = 0; c < channels; c++) {
        let sum = HALF;
        let i = (y * width + first[x]) * channels + c;
        for (let t = x * taps; t < end; t++, i += channels) sum = (sum + Math.imul(data[i], weights[t])) | 0;
        out[o++] = sum >> PRECISION_BITS;
      }
    }
  }
  return new Uint8Array(out.buffer);
}

/** The same for RGB, two rows at a time: each weight serves six samples. */
function resizeRowsRgb(data: Uint8Array, height: number, width: number, to: number, k: Coefficients): Uint8Array {
  const out = new Uint8ClampedArray(height * to * 3);
  const { taps, first, count, weights } = k;
  const next = width * 3;
  const nextOut = to * 3;
  for (let pair = 0; pair < height; pair += 2) {
    // The last of an odd number of rows is done together with the one before it, once more.
    const y = Math.min(pair, height - 2);
    let o = y * nextOut;
    for (let x = 0; x < to; x++, o += 3) {
      let i = y * next + first[x] * 3;
      const end = x * taps + count[x];
      let r0 = HALF;
      let g0 = HALF;
      let b0 = HALF;
      let r1 = HALF;
      let g1 = HALF;
      let b1 = HALF;
      for (let t = x * taps; t < end; t++, i = (i + 3) | 0) {
        const w = weights[t];
        r0 = (r0 + Math.imul(data[i], w)) | 0;
        g0 = (g0 + Math.imul(data[i + 1], w)) | 0;
        b0 = (b0 + Math.imul(data[i + 2], w)) | 0;
        r1 = (r1 + Math.imul(data[i + next], w)) | 0;
        g1 = (g1 + Math.imul(data[i + next + 1], w)) | 0;
        b1 = (b1 + Math.imul(data[i + next + 2], w)) | 0;
      }
      out[o] = r0 >> PRECISION_BITS;
      out[o + 1] = g0 >> PRECISION_BITS;
      out[o + 2] = b0 >> PRECISION_BITS;
      out[o + nextOut] = r1 >> PRECISION_BITS;
      out[o + nextOut + 1] = g1 >> PRECISION_BITS;
      out[o + nextOut + 2] = b1 >> PRECISION_BITS;
    }
  }
  return new Uint8Array(out.buffer);
}

/** `length` samples a row. Sums whole rows, four at a time, so that memory is read in order. */
function resizeColumns(data: Uint8Array, length: number, to: number, k: Coefficients): Uint8Array {
  const out = new Uint8ClampedArray(to * length);
  const { taps, first, count, weights } = k;
  const sums = new Int32Array(length);
  for (let y = 0; y < to; y++) {
    sums.fill(HALF);
    let t = 0;
    for (; t + 4 <= count[y]; t += 4) {
      const [w0, w1, w2, w3] = weights.subarray(y * taps + t, y * taps + t + 4);
      const row0 = (first[y] + t) * length;
      const row1 = row0 + length;
      const row2 = row1 + length;
      const row3 = row2 + length;
      for (let x = 0; x < length; x++) {
        const upper = (Math.imul(data[row0 + x], w0) + Math.imul(data[row1 + x], w1)) | 0;
        const lower = (Math.imul(data[row2 + x], w2) + Math.imul(data[row3 + x], w3)) | 0;
        sums[x] = (sums[x] + upper + lower) | 0;
      }
    }
    for (; t < count[y]; t++) {
      const w = weights[y * taps + t];
      const row = (first[y] + t) * length;
      for (let x = 0; x < length; x++) sums[x] = (sums[x] + Math.imul(data[row + x], w)) | 0;
    }
    const begin = y * length;
    for (let x = 0; x < length; x++) out[begin + x] = sums[x] >> PRECISION_BITS;
  }
  return new Uint8Array(out.buffer);
}
