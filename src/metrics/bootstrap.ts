import { Mulberry32 } from '../common/mulberry';

/** Where a figure would lie for other images of the same kind, as far as those at hand tell. */
export interface Interval {
  low: number;
  high: number;
  /** Share of the resamples between the two, such as 0.95. */
  level: number;
  /** `1000 resamples of 40 images`, and what is special about them. */
  over: string;
}

export interface BootstrapOptions {
  /** Default 1000. */
  resamples?: number;
  /** Default 0.95. */
  level?: number;
  /** Default 628. */
  seed?: number;
  /**
   * For figures that repeated images shift as a whole (FID, KID): the middle of the resampled figures is moved onto this one, and only
   * their spread is told.
   */
  centre?: number;
}

/**
 * Percentile bootstrap (Efron 1979): `statistic` of images drawn with replacement, as often as there are. `counts` are the sizes of the
 * sets that are drawn from, each on its own. Undefined where a set has fewer than two images: there is nothing to draw.
 */
export function bootstrap(
  counts: readonly number[],
  statistic: (...draws: Int32Array[]) => number,
  { resamples = 1000, level = 0.95, seed = 628, centre }: BootstrapOptions = {},
): Interval | undefined {
  if (counts.some((n) => n < 2)) return undefined;
  const random = new Mulberry32(seed);
  const values = Float64Array.from({ length: resamples }, () => statistic(...counts.map((n) => Int32Array.from({ length: n }, () => random.int(0, n - 1)))))
    .filter((v) => Number.isFinite(v))
    .sort();
  if (values.length < resamples / 2) return undefined;
  const shift = centre === undefined ? 0 : centre - values.reduce((a, b) => a + b, 0) / values.length;
  const at = (share: number) => {
    const place = share * (values.length - 1);
    const below = Math.floor(place);
    return values[below] + (place - below) * (values[Math.min(below + 1, values.length - 1)] - values[below]) + shift;
  };
  const over = `${resamples} resamples of ${counts.join(' and ')} images${centre === undefined ? '' : ', spread only'}`;
  return { low: at((1 - level) / 2), high: at((1 + level) / 2), level, over };
}

/** The interval of a mean of one figure for each image. */
export function bootstrapMean(values: readonly number[], options?: BootstrapOptions): Interval | undefined {
  return bootstrap([values.length], (draw) => draw.reduce((sum, i) => sum + values[i], 0) / draw.length, options);
}
