import { UserError } from '../common/errors';
import type { Plane } from './luma';

const SIDE = 11;
const SIGMA = 1.5;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/**
 * Structural similarity (Wang et al. 2004, their MATLAB `ssim_index`): Gaussian window 11x11 of deviation 1.5, only
 * where it fits into the image, constants (0.01 * 255)^2 and (0.03 * 255)^2; mean over the pixels, then over the
 * planes. Values 0..255. Throws a UserError if a plane is smaller than the window.
 */
export function planesSsim(pairs: readonly [Plane, Plane][]): number {
  return pairs.reduce((sum, [a, b]) => sum + planeSsim(a, b), 0) / pairs.length;
}

function planeSsim({ data: a, height, width }: Plane, { data: b }: Plane): number {
  if (Math.min(height, width) < SIDE) {
    throw new UserError(`SSIM needs at least ${SIDE}x${SIDE} pixels inside the border, there are ${height}x${width}.`);
  }
  const product = (x: Float64Array, y: Float64Array) => x.map((v, i) => v * y[i]);
  const [ma, mb, aa, bb, ab] = [a, b, product(a, a), product(b, b), product(a, b)].map((p) => blur(p, height, width));
  let sum = 0;
  for (let i = 0; i < ma.length; i++) {
    const mu = ma[i] * mb[i];
    const squares = ma[i] * ma[i] + mb[i] * mb[i];
    const variances = aa[i] + bb[i] - squares;
    sum += ((2 * mu + C1) * (2 * (ab[i] - mu) + C2)) / ((squares + C1) * (variances + C2));
  }
  return sum / ma.length;
}

const WINDOW = (() => {
  const w = Array.from({ length: SIDE }, (_, i) => Math.exp(-((i - (SIDE - 1) / 2) ** 2) / (2 * SIGMA * SIGMA)));
  const total = w.reduce((s, v) => s + v, 0);
  return w.map((v) => v / total);
})();

/**
 * The window's weighted mean wherever it fits: (height - 10) x (width - 10). The Gaussian separates into rows and
 * columns.
 */
function blur(plane: Float64Array, height: number, width: number): Float64Array {
  const w = width - SIDE + 1;
  const rows = new Float64Array(height * w);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < w; x++) {
      let s = 0;
      for (let k = 0; k < SIDE; k++) s += WINDOW[k] * plane[y * width + x + k];
      rows[y * w + x] = s;
    }
  }
  const h = height - SIDE + 1;
  const out = new Float64Array(h * w);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      let s = 0;
      for (let k = 0; k < SIDE; k++) s += WINDOW[k] * rows[(y + k) * w + x];
      out[y * w + x] = s;
    }
  }
  return out;
}
