import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { wholeNumbers } from '../common/config';
import { UserError } from '../common/errors';
import { carriedFolder, paintedLandscapes } from './carried';
import { encodeJpeg, encodePng } from './image';
import { folderPairs } from './pairs';
import { resizeImage, resizeLabels } from './resize';
import { splitDataset } from './split';
import type { PairDataset, Size } from './types';
import { removeOldParts, writeWhole } from '../common/atomic';

export interface EmbeddedOptions {
  /** Landscapes, those of the validation set included: the first so many of the 160. Default 160. */
  count?: number;
  /** How many of them are held back. Default 32. */
  val?: number;
  /** Of the split. Default 628. */
  seed?: number;
  /** Smaller pictures (tests). Default: as they are, 384x512. */
  size?: Size;
  onProgress?(done: number, total: number, note?: string): void;
}

/** A data set with its two parts. */
export interface SplitPairs {
  train: PairDataset;
  val: PairDataset;
}

/**
 * The data set that comes with the project (`paintedLandscapes`), copied to ROOT/{train,val}/{imgs,labels}, the layout of the `landscape`
 * set, and split, where that has not been done. Interrupted, it is completed by the next call.
 * @throws UserError if ROOT holds another number of pairs, or `count` is above 160
 */
export async function embeddedDataset(root: string, options: EmbeddedOptions = {}): Promise<SplitPairs> {
  const { count = 160, val = 32, seed = 628, size, onProgress } = options;
  // Once some have moved to val they must not be copied again.
  if (!existsSync(join(root, 'split.json'))) await copyPainted(join(root, 'train'), { count, size, onProgress });
  await splitDataset(root, { count: val, seed });
  const pairs = splitFolder(root);
  const found = pairs.train.length + pairs.val.length;
  if (found !== count) {
    throw new UserError(`${root}: ${found} landscapes are there, not ${count}; choose another folder or remove this one.`);
  }
  return pairs;
}

/**
 * The first `count` painted landscapes as DIR/imgs/NAME.jpg and DIR/labels/NAME.png, resized (image bicubic, labels nearest) where `size`
 * asks for it. What is there is kept, so an interrupted copy goes on.
 */
export async function copyPainted(dir: string, options: Pick<EmbeddedOptions, 'count' | 'size' | 'onProgress'> = {}): Promise<void> {
  const painted = paintedLandscapes();
  const { count = painted.length, size, onProgress } = options;
  wholeNumbers({ count }, 'embedded', 0);
  if (count > painted.length) throw new UserError(`embedded.count: expected at most ${painted.length}, got ${count}.`);
  for (const folder of ['imgs', 'labels']) {
    await mkdir(join(dir, folder), { recursive: true });
    await removeOldParts(join(dir, folder));
  }
  for (let i = 0; i < count; i++) {
    const name = painted.names[i];
    const [imageFile, labelFile] = [join('imgs', `${name}.jpg`), join('labels', `${name}.png`)];
    if (!existsSync(join(dir, imageFile)) || !existsSync(join(dir, labelFile))) {
      if (size) {
        const { image, labels } = await painted.at(i);
        await writeWhole(join(dir, labelFile), await encodePng(resizeLabels(labels, size)));
        await writeWhole(join(dir, imageFile), await encodeJpeg(resizeImage(image, size, 'bicubic'), { quality: 90 }));
      } else {
        for (const file of [labelFile, imageFile]) await copyFile(join(carriedFolder('painted'), file), join(dir, file));
      }
    }
    onProgress?.(i + 1, count, name);
  }
}

/** A data set in ROOT/train and ROOT/val. @throws UserError naming what is missing */
export function splitFolder(root: string): SplitPairs {
  return { train: folderPairs(join(root, 'train')), val: folderPairs(join(root, 'val')) };
}
