/** Pairs for super-resolution: photographs at half and quarter size, as the original's construct_sr_dataset makes them. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../common/errors';
import { IMAGE_EXTENSIONS, LABEL_EXTENSIONS, byCodePoint, listFiles, readBytes, stem } from '../common/files';
import { datasetOf, mapDataset, type Dataset } from './dataset';
import { readImage, writeJpeg } from './image';
import { fitting, pairFolders, type ImageDataset } from './pairs';
import { pngHeader } from './png_indices';
import { resizeImage } from './resize';
import type { RgbImage } from './types';
import { crop } from './picture';
import { removeOldParts } from '../common/atomic';
import { WrittenFiles, refuseInputs } from '../common/targets';

/** A picture and its half. `high` is exactly twice as large. */
export interface SrPair {
  name: string;
  low: RgbImage;
  high: RgbImage;
}

export type SrDataset = Dataset<SrPair>;

export interface SrOptions {
  /** Default ['train', 'val'] as far as they exist. */
  splits?: string[];
  /** Photographs worked on at the same time: one decodes while another is resized. Default 4. */
  concurrency?: number;
  /** Replace pictures that this did not write, or that were changed since, where they are older than their photograph. Default false. */
  overwrite?: boolean;
  onProgress?(done: number, total: number, note?: string): void;
}

export interface SrResult {
  /** Photographs whose two files were written by this call. */
  written: number;
  /** Photographs that were finished before. */
  skipped: number;
}

/** Folders of the two smaller sizes beside `imgs`. */
export const SR_HIGH = 'imgs_lr';
export const SR_LOW = 'imgs_lr_256';

const OWN_FOLDERS = `make ${SR_HIGH} and ${SR_LOW} folders of their own`;

/** Half the size, rounded down, by Pillow's bicubic. Throws a RangeError for a side of 1. */
export function halve(image: RgbImage): RgbImage {
  return resizeImage(image, [Math.floor(image.height / 2), Math.floor(image.width / 2)], 'bicubic');
}

/**
 * For each photograph of `ROOT/SPLIT/imgs` writes `imgs_lr` (w//2, h//2; 512x384 of 1024x768) and `imgs_lr_256` (half of that, made from
 * the saved file), each by Pillow's bicubic and as Pillow's default JPEG, under the photograph's stem.
 *
 * Files that are there and newer than what they are made from are skipped, and files appear whole or not at all: a run that was
 * interrupted is completed by the next. A photograph that EXIF turns is taken as `folderPairs` takes it: upright, or as stored where only
 * that fits its label map.
 * Throws a UserError that names the first photograph that cannot be used.
 */
export async function constructSrDataset(root: string, options: SrOptions = {}): Promise<SrResult> {
  const { concurrency = 4, overwrite = false, onProgress } = options;
  const splits = options.splits ?? ['train', 'val'].filter((split) => existsSync(join(root, split)));
  if (!splits.length) throw new UserError(`${root}: there is neither a folder "train" nor "val" in it.`);
  const jobs: Job[] = [];
  for (const split of splits) {
    const dir = join(root, split);
    const images = existsSync(join(dir, 'imgs')) ? join(dir, 'imgs') : pairFolders(dir).images;
    const files = listFiles(images, IMAGE_EXTENSIONS);
    if (!files.length) throw new UserError(`${images}: there are no photographs in it.`);
    refuseInputs([images, join(dir, SR_HIGH)], [join(dir, SR_LOW)], OWN_FOLDERS);
    refuseInputs([images], [join(dir, SR_HIGH)], OWN_FOLDERS);
    await Promise.all([SR_HIGH, SR_LOW].map((folder) => removeOldParts(join(dir, folder))));
    const record = new WrittenFiles(dir);
    const labels = join(dir, 'labels');
    const maps = new Map(existsSync(labels) ? listFiles(labels, LABEL_EXTENSIONS).map((name) => [stem(name), join(labels, name)]) : []);
    for (const name of files) {
      const jpeg = `${stem(name)}.jpg`;
      jobs.push({ record, from: join(images, name), labels: maps.get(stem(name)), high: join(dir, SR_HIGH, jpeg), low: join(dir, SR_LOW, jpeg) });
    }
  }
  refuseInputs(
    jobs.map((j) => j.from),
    jobs.flatMap((j) => [j.high, j.low]),
    OWN_FOLDERS,
  );
  refuseInputs(
    jobs.map((j) => j.high),
    jobs.map((j) => j.low),
    OWN_FOLDERS,
  );
  let done = 0;
  let written = 0;
  let next = 0;
  const work = async () => {
    while (next < jobs.length) {
      const job = jobs[next++];
      try {
        if (await makeOne(job, overwrite)) written++;
      } catch (e) {
        // The others finish what they have begun and take nothing new.
        next = jobs.length;
        throw e;
      }
      onProgress?.(++done, jobs.length, job.from);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.max(1, concurrency) }, work));
  const failed = results.find((r): r is PromiseRejectedResult => r.status === 'rejected');
  if (failed) throw failed.reason;
  return { written, skipped: jobs.length - written };
}

interface Job {
  /** What was written into the split. */
  record: WrittenFiles;
  from: string;
  /** The photograph's label map, where there is one. */
  labels?: string;
  high: string;
  low: string;
}

async function makeOne({ record, from, labels, high, low }: Job, overwrite: boolean): Promise<boolean> {
  const write = async (source: string, target: string, map?: string) => {
    if (!overwrite) record.refuseOthers([target], 'move it away, or replace it with --overwrite');
    await writeHalf(source, target, map);
    record.add(target);
  };
  const makeHigh = !isNewer(high, from);
  if (makeHigh) await write(from, high, labels);
  if (!makeHigh && isNewer(low, high)) return false;
  await write(high, low);
  return true;
}

async function writeHalf(from: string, to: string, labels?: string): Promise<void> {
  const upright = await readImage(from);
  const size = labels === undefined ? undefined : pngHeader(readBytes(labels));
  const image = size ? await fitting(from, upright, size) : upright;
  if (image.height < 2 || image.width < 2) {
    throw new UserError(`${from}: ${image.width}x${image.height} cannot be halved; remove the picture.`);
  }
  await writeJpeg(to, halve(image));
}

/** Whether a file is there, not empty, and no older than its source. */
function isNewer(file: string, source: string): boolean {
  const made = statSync(file, { throwIfNoEntry: false });
  return made !== undefined && made.size > 0 && made.mtimeMs >= (statSync(source, { throwIfNoEntry: false })?.mtimeMs ?? Infinity);
}

/**
 * The pairs (imgs_lr_256, imgs_lr) of a split's folder, which `constructSrDataset` made. Throws a UserError that names the file: folders
 * or partners missing, and when a pair is read, one of which is not twice the other.
 */
export function srFolder(dir: string, options: { limit?: number } = {}): SrDataset {
  const [low, high] = [SR_LOW, SR_HIGH].map((name) => {
    const folder = join(dir, name);
    if (existsSync(folder)) return { folder, files: listFiles(folder, IMAGE_EXTENSIONS) };
    throw new UserError(`${folder}: there is no such folder; \`npm run construct-sr\` makes it.`);
  });
  const partner = new Map(high.files.map((file) => [stem(file), file]));
  const missing = low.files.find((file) => !partner.has(stem(file)));
  if (missing) {
    throw new UserError(`${join(low.folder, missing)} has no partner in ${high.folder}; \`npm run construct-sr\` makes what is missing.`);
  }
  const files = low.files.sort((a, b) => byCodePoint(stem(a), stem(b))).slice(0, options.limit);
  if (!files.length) throw new UserError(`${low.folder}: there are no pictures in it.`);
  const names = files.map(stem);
  return datasetOf(dir, names, async (i) => {
    const [lowFile, highFile] = [join(low.folder, files[i]), join(high.folder, partner.get(names[i])!)];
    const [a, b] = await Promise.all([lowFile, highFile].map((f) => readImage(f, { orient: false })));
    return checkedPair(names[i], a, b, `${lowFile} (${a.width}x${a.height}) and ${highFile} (${b.width}x${b.height})`);
  });
}

/** An odd row or column of `high`, which halving drops, is cut off: then high is exactly twice low. */
function checkedPair(name: string, low: RgbImage, high: RgbImage, files: string): SrPair {
  const fits = (full: number, half: number) => full >> 1 === half;
  if (!fits(high.height, low.height) || !fits(high.width, low.width)) {
    throw new UserError(`${files}: the second is not twice the first; make both anew (npm run construct-sr).`);
  }
  return { name, low, high: even(high) };
}

/** Without an odd row or column. */
function even(image: RgbImage): RgbImage {
  const [height, width] = [image.height & ~1, image.width & ~1];
  if (height === image.height && width === image.width) return image;
  return crop(image, { x: 0, y: 0, width, height });
}

/**
 * Pairs made in memory from pictures: `high` is the picture (odd sizes lose a row or column), `low` its half by Pillow's bicubic, without
 * the JPEG in between. For data sets that are drawn or too small to need files.
 */
export function srPairsOf(dataset: ImageDataset): SrDataset {
  return mapDataset(dataset, ({ name, image }) => {
    if (Math.min(image.height, image.width) < 2) throw new UserError(`${name}: ${image.width}x${image.height} cannot be halved; remove the picture.`);
    const high = even(image);
    return { name, low: halve(high), high };
  });
}

/**
 * Pairs from two folders of pictures in the same order of names, such as those of a benchmark (names may differ: baby_HR and baby_LR).
 * @throws UserError if they differ in number, and when a pair is read whose second is not twice the first
 */
export function srFolders(low: ImageDataset, high: ImageDataset): SrDataset {
  if (low.length !== high.length) {
    throw new UserError(`${low.source} holds ${low.length} pictures and ${high.source} ${high.length}: each needs its half, in the same order of names.`);
  }
  return datasetOf(high.source, high.names, async (i) => {
    const [a, b] = [await low.at(i), await high.at(i)];
    const files = `${low.source}: ${a.name} (${a.image.width}x${a.image.height}) and ${high.source}: ${b.name} (${b.image.width}x${b.image.height})`;
    return checkedPair(b.name, a.image, b.image, files);
  });
}

/** Enlargement by Pillow's bicubic, what RCAN has to beat. */
export const bicubicEnlarged = ({ low, high }: SrPair) => resizeImage(low, [high.height, high.width], 'bicubic');
