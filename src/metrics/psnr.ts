import type { Plane } from './luma';

/**
 * Peak signal-to-noise ratio, 10 log10(255^2 / mean squared error) in dB, the error taken over all planes together.
 * Values 0..255.
 */
export function planesPsnr(pairs: readonly [Plane, Plane][]): number {
  let sum = 0;
  let count = 0;
  for (const [{ data: a }, { data: b }] of pairs) {
    for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
    count += a.length;
  }
  return 10 * Math.log10((255 * 255 * count) / sum);
}
