import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../common/errors';
import { writeLandscapes } from './landscape';
import { folderPairs } from './pairs';
import { splitDataset } from './split';
import type { PairDataset } from './types';

export interface EmbeddedOptions {
  /** Landscapes painted, those of the validation set included. Default 240. */
  count?: number;
  /** How many of them are held back. Default 40. */
  val?: number;
  /** Pixels; default 384x512. */
  height?: number;
  width?: number;
  /** Of the paintings and of the split. Default 628. */
  seed?: number;
  onProgress?(done: number, total: number, note?: string): void;
}

/** A data set with its two parts. */
export interface SplitPairs {
  train: PairDataset;
  val: PairDataset;
}

/**
 * The data set that comes with the project: procedural landscapes in the layout of the `landscape` set, ROOT/{train,val}/{imgs,labels},
 * painted and split where that has not been done. Interrupted, it is completed by the next call.
 * @throws UserError if ROOT holds landscapes of other settings
 */
export async function embeddedDataset(root: string, options: EmbeddedOptions = {}): Promise<SplitPairs> {
  const { count = 240, val = 40, height = 384, width = 512, seed = 628, onProgress } = options;
  // Once some have moved to val they must not be painted again.
  const isSplit = existsSync(join(root, 'split.json'));
  await writeLandscapes(join(root, 'train'), { count: isSplit ? 0 : count, height, width, seed, onProgress });
  await splitDataset(root, { count: val, seed });
  const pairs = splitFolder(root);
  const found = pairs.train.length + pairs.val.length;
  if (found !== count) {
    throw new UserError(`${root}: ${found} landscapes are there, not ${count}; choose another folder or remove this one.`);
  }
  return pairs;
}

/** A data set in ROOT/train and ROOT/val. @throws UserError naming what is missing */
export function splitFolder(root: string): SplitPairs {
  return { train: folderPairs(join(root, 'train')), val: folderPairs(join(root, 'val')) };
}
