import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { UserError } from '../../common/errors';
import { readJson, removeOldParts, writeWhole } from '../../common/files';
import { encodeJpeg, encodePng } from '../image';
import type { Pair, PairDataset } from '../types';
import { landscapeName, renderLandscape } from './render';

/** Raised whenever the same request would give other pixels than before: pictures of two versions do not belong in one set. */
export const LANDSCAPE_VERSION = 1;

export interface LandscapesOptions {
  /** Names the series. Default 628. */
  seed?: number;
  /** How many landscapes. */
  count: number;
  /** Index of the first one in the series. Default 0. */
  start?: number;
  /** Pixels; 3:4 is what the scenes are composed for. */
  height: number;
  width: number;
}

/**
 * Procedural landscapes as a data set: painted when asked for, nothing is written. `length` pairs named `landscape_00001` on.
 * Throws a UserError for a count or a size that cannot be.
 */
export function landscapes(options: LandscapesOptions): PairDataset {
  const { seed, count, start, height, width } = checked(options);
  const names = Array.from({ length: count }, (_, i) => landscapeName(start + i));
  return {
    source: `procedural landscapes ${width}x${height}, seed ${seed}`,
    names,
    length: count,
    at: async (i: number): Promise<Pair> => {
      if (!Number.isInteger(i) || i < 0 || i >= count) throw new RangeError(`landscape ${i} of ${count}`);
      return renderLandscape({ seed, index: start + i, height, width });
    },
  };
}

export interface WriteLandscapesOptions extends LandscapesOptions {
  /** Called after each pair, those that were there already included. */
  onProgress?: (done: number, total: number, note?: string) => void;
}

/**
 * Writes landscapes in the layout of the `landscape` set: `DIR/imgs/NAME.jpg` (quality 90) and `DIR/labels/NAME.png` (8-bit grey, class
 * indices), beside `DIR/landscapes.json`, which says how they were made. Pairs that are there are kept, so an interrupted run goes on.
 * Returns how many were painted. Throws a UserError if the folder holds landscapes made with other settings.
 */
export async function writeLandscapes(dir: string, options: WriteLandscapesOptions): Promise<number> {
  const { seed, count, start, height, width } = checked(options);
  const made = { version: LANDSCAPE_VERSION, seed, height, width };
  const record = join(dir, 'landscapes.json');
  if (existsSync(record)) {
    const before = readJson(record) as Record<string, unknown>;
    const other = (Object.keys(made) as (keyof typeof made)[]).find((key) => before[key] !== made[key]);
    if (other) {
      throw new UserError(
        `${record}: the landscapes there were made with ${other} ${before[other]}, not ${made[other]}; choose another folder or remove this one.`,
      );
    }
  }
  await writeWhole(record, `${JSON.stringify(made, null, 2)}\n`);
  for (const folder of ['imgs', 'labels']) await removeOldParts(join(dir, folder));
  let painted = 0;
  for (let i = 0; i < count; i++) {
    const name = landscapeName(start + i);
    const photo = join(dir, 'imgs', `${name}.jpg`);
    const labels = join(dir, 'labels', `${name}.png`);
    if (!existsSync(photo) || !existsSync(labels)) {
      const pair = renderLandscape({ seed, index: start + i, height, width });
      await writeWhole(labels, await encodePng(pair.labels));
      await writeWhole(photo, await encodeJpeg(pair.image, { quality: 90 }));
      painted++;
      // Painting holds the thread: let progress be shown and an interrupt be heard.
      await breathe();
    }
    options.onProgress?.(i + 1, count, name);
  }
  return painted;
}

function checked({ seed = 628, count, start = 0, height, width }: LandscapesOptions): Required<LandscapesOptions> {
  for (const [name, value, low, high] of [
    ['count', count, 0, 1e6],
    ['start', start, 0, 1e6],
    ['height', height, 16, 4096],
    ['width', width, 16, 4096],
    ['seed', seed, 0, 4294967295],
  ] as const) {
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new UserError(`landscapes: ${name} is ${value}; give a whole number from ${low} to ${high}.`);
    }
  }
  return { seed, count, start, height, width };
}
