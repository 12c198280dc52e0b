import type { Plane } from '../../src/metrics/image_quality';

/** The cubic of MATLAB's imresize, a = -0.5. */
function cubic(x: number): number {
  const d = Math.abs(x);
  if (d <= 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
  return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
}

/** MATLAB's imresize in floating point: `factor` 2 enlarges, 0.5 reduces with the kernel widened; edges mirrored. */
export function imresize(plane: Plane, factor: number): Plane {
  const along = ({ data, height, width }: Plane): Plane => {
    const w = width * factor;
    const stretch = Math.max(1, 1 / factor);
    const out = new Float64Array(w * height);
    for (let x = 0; x < w; x++) {
      const centre = (x + 0.5) / factor - 0.5;
      const taps = Array.from({ length: 4 * stretch + 2 }, (_, i) => Math.floor(centre - 2 * stretch) + i);
      const weights = taps.map((t) => cubic((centre - t) / stretch));
      const total = weights.reduce((s, v) => s + v, 0);
      taps.forEach((t, i) => {
        const from = t < 0 ? -1 - t : t >= width ? 2 * width - 1 - t : t;
        // The result is written transposed, so that twice is both axes.
        for (let y = 0; y < height; y++) out[x * height + y] += (weights[i] / total) * data[y * width + from];
      });
    }
    return { data: out, height: w, width: height };
  };
  return along(along(plane));
}
