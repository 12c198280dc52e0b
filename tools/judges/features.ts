import type { RgbImage } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import type { FeatureNetwork } from './feature_network';
import { sizeOf } from '../../src/metrics/metric';

export type { FeatureNetwork };

/** The features of a set of images. */
export interface Features {
  network: string;
  canonical: boolean;
  count: number;
  dimensions: number;
  /** Size of the images, `192x256`. */
  size: string;
  /** count x dimensions, row by row. */
  data: Float32Array;
}

export interface ExtractOptions {
  /** Images at a time. Default 8. */
  batch?: number;
  /** Name of an image in messages; default its number, from 1. */
  nameOf?: (index: number) => string;
  /** How many images there will be, if known; for progress. */
  total?: number;
  onProgress?: (done: number, total: number, note?: string) => void;
}

/**
 * Features of all images, which are read as they are needed. Throws a UserError for an empty set, for images of
 * different sizes (a distance would measure the difference in sharpness as well), and if the network gives numbers that
 * are not finite.
 */
export async function extractFeatures(
  images: Iterable<RgbImage> | AsyncIterable<RgbImage>,
  network: FeatureNetwork,
  options: ExtractOptions = {},
): Promise<Features> {
  const { batch = 8, nameOf = (i: number) => `image ${i + 1}`, total = 0, onProgress } = options;
  const parts: Float32Array[] = [];
  let waiting: RgbImage[] = [];
  let size: string | undefined;
  let count = 0;

  const flush = () => {
    if (waiting.length === 0) return;
    const f = network.features(waiting);
    const values = f.dataSync() as Float32Array;
    f.dispose();
    const bad = values.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0) {
      const index = count - waiting.length + Math.floor(bad / network.dimensions);
      throw new UserError(`${network.name} gives ${values[bad]} for ${nameOf(index)}; its weights are damaged.`);
    }
    parts.push(values.slice());
    waiting = [];
    onProgress?.(count, Math.max(total, count), network.name);
  };

  for await (const image of images) {
    size ??= sizeOf(image);
    if (sizeOf(image) !== size) {
      throw new UserError(
        `${nameOf(count)} is ${sizeOf(image)}, ${nameOf(0)} is ${size}: the images of a set must have one size, ` + 'bring them to it first.',
      );
    }
    waiting.push(image);
    count++;
    if (waiting.length === batch) {
      flush();
      // The caller's progress display gets its turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  flush();
  if (size === undefined) throw new UserError('there are no images to take features of.');

  const data = new Float32Array(count * network.dimensions);
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return { network: network.name, canonical: network.canonical, count, dimensions: network.dimensions, size, data };
}

/** Throws a UserError unless both sets were described by the same network. */
export function assertComparable(real: Features, fake: Features): void {
  if (real.network !== fake.network || real.dimensions !== fake.dimensions) {
    throw new UserError(`features of ${real.network} and of ${fake.network} cannot be compared; use one network for both sets.`);
  }
}

/** What a reader of a distance between the two sets has to know. */
export function comparisonNotes(real: Features, fake: Features): string[] {
  const notes: string[] = [];
  if (!real.canonical) notes.push(`not the network of published numbers: compare only with distances of ${real.network}`);
  if (real.size !== fake.size) notes.push(`the sets differ in size (${real.size} and ${fake.size}), which the distance includes`);
  return notes;
}
