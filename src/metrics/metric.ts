import { UserError } from '../common/errors';
import type { Interval } from './bootstrap';

/** A measured number with everything needed to repeat or to doubt it. */
export interface Metric {
  /** `FID`, `KID`, `PSNR (Y)` ... */
  name: string;
  value: number;
  /** `dB`, `share of pixels` ...; absent for pure numbers. */
  unit?: string;
  /** How many images of each kind went in: `{ real: 400, fake: 400 }`. */
  n: Record<string, number>;
  /** Height and width of the images measured, by the same kinds; a list where they differ. */
  sizes: Record<string, string>;
  /** The network that looked at the images, with where its weights came from; absent for metrics that need none. */
  network?: string;
  /** Standard deviation, where the metric has one; `over` says of what. */
  deviation?: { value: number; over: string };
  /** Bootstrap over the images; absent where there are too few. */
  interval?: Interval;
  /** The figure of each image, where it is a mean of them or comes close to one. */
  perImage?: number[];
  /** What a reader has to know to compare the number with others'. */
  notes: string[];
}

/** `192x256`, height first as in tensors. */
export const sizeOf = ({ height, width }: { height: number; width: number }) => `${height}x${width}`;

/** The distinct sizes, `192x256` or `192x256, 384x512`. */
export const sizesOf = (images: readonly { height: number; width: number }[]) => [...new Set(images.map(sizeOf))].join(', ');

/**
 * Throws a UserError that names two images of different size: a distance between sets, such as FID, would measure the difference in sharpness.
 */
export function assertOneSize(images: readonly { name?: string; image: { height: number; width: number } }[]): void {
  const nameOf = (i: number) => images[i].name ?? `image ${i + 1}`;
  const odd = images.findIndex(({ image }) => sizeOf(image) !== sizeOf(images[0].image));
  if (odd < 0) return;
  throw new UserError(
    `${nameOf(odd)} is ${sizeOf(images[odd].image)}, ${nameOf(0)} is ${sizeOf(images[0].image)}: the images of a set must have one size, ` +
      'bring them to it first.',
  );
}

/** What a reader of the figures has to know, each sentence once, with the figures it is about. */
export function describeNotes(metrics: readonly Metric[]): string[] {
  const about = new Map<string, string[]>();
  for (const { name, notes } of metrics) for (const note of notes) about.set(note, [...(about.get(note) ?? []), name]);
  return [...about].map(([note, names]) => `${[...new Set(names)].join(', ')}: ${note}.`);
}

/** One line: `FID 44.62 (real: 400 images 384x512, fake: 400 images 384x512; InceptionV3 ...)`. */
export function describeMetric(m: Metric, digits = 4): string {
  const deviation = m.deviation ? ` +- ${m.deviation.value.toPrecision(2)} over ${m.deviation.over}` : '';
  const sets = Object.entries(m.n).map(([kind, n]) => `${kind}: ${n} image${n === 1 ? '' : 's'} ${m.sizes[kind] ?? ''}`.trim());
  const network = m.network ? `; ${m.network}` : '';
  const interval = m.interval ? ` [${m.interval.low.toFixed(digits)}, ${m.interval.high.toFixed(digits)}]` : '';
  return `${m.name} ${m.value.toFixed(digits)}${interval}${m.unit ? ` ${m.unit}` : ''}${deviation} (${sets.join(', ')}${network})`;
}
