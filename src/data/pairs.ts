/** Data sets in folders. */
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { UserError } from '../common/errors';
import { IMAGE_EXTENSIONS, LABEL_EXTENSIONS, byCodePoint, listAll, listFiles, stem } from '../common/files';
import { datasetOf, type Dataset } from './dataset';
import { readImage } from './image';
import { readLabelMap, type LabelOptions } from './label_map';
import { readMapping } from './mapping';
import type { LabelMap, Pair, PairDataset, RgbImage } from './types';

/** Label maps without photographs. */
export type LabelDataset = Dataset<Omit<Pair, 'image'>>;

/** Pictures without label maps. */
export type ImageDataset = Dataset<Omit<Pair, 'labels'>>;

export interface FolderOptions extends LabelOptions {
  /** Only the first so many, in sorted order. Default: all. */
  limit?: number;
}

export interface FolderPairsOptions extends FolderOptions {
  /** What stands behind the shared stem in image names, such as '_leftImg8bit'. Default ''. */
  imageSuffix?: string;
  /** The same for label maps, such as '_L'. Default ''. */
  labelSuffix?: string;
}

/** Where photographs and label maps lie. */
export interface PairFolders {
  images: string;
  labels: string;
}

/**
 * The two folders of a data set in the layout `DIR/{imgs,labels}` (or `DIR/{images,labels}`). Throws a UserError that says what is
 * missing.
 */
export function pairFolders(dir: string): PairFolders {
  const names = listAll(dir);
  const images = ['imgs', 'images'].find((name) => names.includes(name));
  if (!images || !names.includes('labels')) {
    const missing = images ? 'labels' : 'imgs';
    const found = names.length ? `it holds ${names.slice(0, 4).join(', ')}${names.length > 4 ? ', ...' : ''}` : 'it is empty';
    throw new UserError(
      `${dir}: there is no folder "${missing}" in it (${found}); a data set is DIR/imgs with the photographs and DIR/labels with the label maps.`,
    );
  }
  return { images: join(dir, images), labels: join(dir, 'labels') };
}

/**
 * Photographs and label maps that share their stem, as a list that reads them when asked for: `DIR/{imgs,labels}`, or any two folders.
 * The folders are listed at once. Throws a UserError that names the file: an empty folder, a missing partner, two files of one stem; and
 * when a pair is read: damaged files, an image and label map of different size, values above the last class.
 */
export function folderPairs(folders: string | PairFolders, options: FolderPairsOptions = {}): PairDataset {
  const { images, labels } = typeof folders === 'string' ? pairFolders(folders) : folders;
  const imageFiles = byStem(images, IMAGE_EXTENSIONS, options.imageSuffix ?? '', 'photographs');
  const labelFiles = byStem(labels, LABEL_EXTENSIONS, options.labelSuffix ?? '', 'label maps');
  const withoutLabel = [...imageFiles.keys()].filter((name) => !labelFiles.has(name));
  if (withoutLabel.length) {
    const file = imageFiles.get(withoutLabel[0]);
    throw missingPartner(file!, `label map ${join(labels, withoutLabel[0] + (options.labelSuffix ?? ''))}.png`, withoutLabel.length);
  }
  const withoutImage = [...labelFiles.keys()].filter((name) => !imageFiles.has(name));
  if (withoutImage.length) {
    const file = labelFiles.get(withoutImage[0]);
    throw missingPartner(file!, `photograph ${join(images, withoutImage[0] + (options.imageSuffix ?? ''))}.jpg`, withoutImage.length);
  }
  const names = limited([...imageFiles.keys()].sort(byCodePoint), options.limit);
  const reading = readOnce(options);
  return datasetOf(typeof folders === 'string' ? folders : images, names, async (i) => {
    const name = names[i];
    const imageFile = imageFiles.get(name)!;
    const labelFile = labelFiles.get(name)!;
    const [upright, map] = await Promise.all([readImage(imageFile), readLabelMap(labelFile, reading)]);
    const image = await fitting(imageFile, upright, map);
    if (!sameSize(image, map)) {
      throw new UserError(
        `${imageFile} is ${image.width}x${image.height} and its label map ${labelFile} is ${map.width}x${map.height}; ` +
          'a pair has to be of one size: resize the label map (nearest) or the photograph.',
      );
    }
    return { name, image, labels: map };
  });
}

export const sameSize = (a: { width: number; height: number }, b: { width: number; height: number }): boolean => a.width === b.width && a.height === b.height;

/**
 * A photograph as its label map has it: upright, as people and drawing programs see it, or, where only that fits, as its pixels are stored
 * (Pillow, and what was made with it, does not turn photographs as their EXIF orientation says).
 */
export async function fitting(file: string, upright: RgbImage, labels: { height: number; width: number }): Promise<RgbImage> {
  const turned = !sameSize(upright, labels) && upright.width === labels.height && upright.height === labels.width;
  return turned ? readImage(file, { orient: false }) : upright;
}

/** The label maps of a folder, or of the folder `labels` inside it. Throws a UserError as `folderPairs` does. */
export function labelFolder(dir: string, options: FolderOptions = {}): LabelDataset {
  const folder = existsSync(join(dir, 'labels')) ? join(dir, 'labels') : dir;
  const files = byStem(folder, LABEL_EXTENSIONS, '', 'label maps');
  const names = limited([...files.keys()].sort(byCodePoint), options.limit);
  const reading = readOnce(options);
  return datasetOf(dir, names, async (i) => ({ name: names[i], labels: await readLabelMap(files.get(names[i])!, reading) }));
}

/** The pictures of a folder, or of the folder `imgs` or `images` inside it. Throws a UserError as `folderPairs` does. */
export function imageFolder(dir: string, options: { limit?: number } = {}): ImageDataset {
  const folder = ['imgs', 'images'].map((name) => join(dir, name)).find((path) => existsSync(path)) ?? dir;
  const files = byStem(folder, IMAGE_EXTENSIONS, '', 'pictures');
  const names = limited([...files.keys()].sort(byCodePoint), options.limit);
  return datasetOf(dir, names, async (i) => ({ name: names[i], image: await readImage(files.get(names[i])!) }));
}

function byStem(folder: string, extensions: readonly string[], suffix: string, what: string): Map<string, string> {
  const files = listFiles(folder, extensions);
  if (!files.length) {
    const other = listAll(folder);
    const types = [...new Set(other.map((name) => extname(name) || 'without extension'))].slice(0, 4).join(', ');
    const found = other.length ? `none of its ${other.length} entries (${types}) ends with ${extensions.join(', ')}` : 'the folder is empty';
    throw new UserError(`${folder}: there are no ${what}; ${found}.`);
  }
  const result = new Map<string, string>();
  for (const name of files) {
    const whole = stem(name);
    if (!whole.endsWith(suffix)) continue;
    const key = whole.slice(0, whole.length - suffix.length);
    const file = join(folder, name);
    if (result.has(key)) throw new UserError(`${file} and ${result.get(key)} share one name; remove one of them.`);
    result.set(key, file);
  }
  if (!result.size) throw new UserError(`${folder}: there are no ${what} whose name ends with "${suffix}".`);
  return result;
}

function missingPartner(file: string, partner: string, count: number): UserError {
  const others = count > 1 ? ` (and ${count - 1} more without a partner)` : '';
  return new UserError(`${file} has no ${partner}${others}; add it, or remove what has no partner.`);
}

/** Reads the mapping file once, not for every label map. */
function readOnce(options: LabelOptions): LabelOptions {
  const { mapping, classes, allowIgnore } = options;
  return { mapping: typeof mapping === 'string' ? readMapping(mapping) : mapping, classes, allowIgnore };
}

function limited(names: string[], limit: number | undefined): string[] {
  if (limit === undefined) return names;
  if (!Number.isInteger(limit) || limit < 1) throw new UserError(`limit: expected a whole number of at least 1, got ${limit}.`);
  return names.slice(0, limit);
}
