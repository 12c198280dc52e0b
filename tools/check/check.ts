/** Looks at every file of a data set and lists what is wrong with it: training stops at the first such file, which may come after days. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { CLASS_NAMES, NUM_CLASSES } from '../../src/classes';
import { UserError } from '../../src/common/errors';
import { IMAGE_EXTENSIONS, LABEL_EXTENSIONS, byCodePoint, hasExtension, listAll, readBytes, stem } from '../../src/common/files';
import { decodeImage, isTurned, readLabelValues } from '../../src/data/image';
import { readLabelMap } from '../../src/data/label_map';
import { readMapping, type ClassMapping } from '../../src/data/mapping';
import { fitting, sameSize } from '../../src/data/pairs';
import { countClasses } from '../../src/data/statistics';
import { IGNORE, type LabelMap, type RgbImage } from '../../src/data/types';

/** What can be wrong, in the order of the report. */
export const FAULTS = {
  unreadable: 'cannot be read',
  partner: 'without a partner',
  size: 'photo and label map of different size',
  channels: 'label map of colours, or not a PNG',
  values: 'values that are no class',
  twice: 'one name twice',
  duplicate: 'the same photo under two names',
  grey: 'photo without colour',
  stray: 'neither photo nor label map',
} as const;
export type FaultKind = keyof typeof FAULTS;

export interface Fault {
  kind: FaultKind;
  file: string;
  /** What is wrong, as the rest of a sentence that begins with the file. */
  what: string;
}

export interface CheckOptions {
  /** What the values or colours of the label maps mean; default: this project's class numbers. */
  mapping?: ClassMapping | string;
  onProgress?(done: number, total: number, note?: string): void;
}

export interface CheckResult {
  /** Sorted by kind, then by file. */
  faults: Fault[];
  counts: Record<FaultKind, number>;
  /** Photos with a label map, and label maps of a folder without photos (a test set). */
  pairs: number;
  labelsOnly: number;
  /** By class: in how many label maps it stands, and its share of all their pixels. */
  classes: { name: string; maps: number; share: number }[];
  /** Pixels of no class (IGNORE, 255 in a file): in how many label maps there are some, and their share of all pixels. */
  unlabelled: { maps: number; share: number };
  /** Photos that EXIF turns, and those of them that are left as stored because only that fits their label map. */
  turned: { photos: number; asStored: number };
  /** How many photos there are of each size, 'WIDTHxHEIGHT'. */
  sizes: Record<string, number>;
}

type Add = (kind: FaultKind, file: string, what: string) => void;
interface Job {
  image?: string;
  labels?: string;
}

/** A photo whose channels differ nowhere by more than this is grey; JPEG's rounding makes differences of 1 or 2. */
const COLOUR = 6;

/**
 * Checks `DIR/{imgs,labels}`, `DIR/labels`, or all such folders one below DIR (train, val, testA ...). Every file is decoded whole; photos
 * are compared across all of them.
 * @throws UserError where there is no such folder in DIR, or the mapping is none
 */
export async function checkData(dir: string, options: CheckOptions = {}): Promise<CheckResult> {
  const mapping = typeof options.mapping === 'string' ? readMapping(options.mapping) : options.mapping;
  const faults: Fault[] = [];
  const add: Add = (kind, file, what) => void faults.push({ kind, file, what });
  const folders = foldersOf(dir);
  const jobs = folders.flatMap((folder) => list(folder, add));
  if (!jobs.length && !faults.length) throw new UserError(`${folders[0].labels}: there are no label maps, nor photos beside them; the folder is empty.`);
  const pixels = new Float64Array(NUM_CLASSES);
  const maps = new Array<number>(NUM_CLASSES).fill(0);
  const sizes: Record<string, number> = {};
  const unlabelled = { maps: 0, pixels: 0 };
  const turned = { photos: 0, asStored: 0 };
  const same = new Map<string, string[]>();
  let done = 0;
  let next = 0;
  const work = async () => {
    while (next < jobs.length) {
      const { image: imageFile, labels: labelFile } = jobs[next++];
      const [photo, labels] = await Promise.all([
        imageFile === undefined ? undefined : readPhoto(imageFile, add),
        labelFile === undefined ? undefined : readLabels(labelFile, mapping, add),
      ]);
      if (photo) {
        const { image, sum } = photo;
        const size = `${image.width}x${image.height}`;
        sizes[size] = (sizes[size] ?? 0) + 1;
        same.set(sum, [...(same.get(sum) ?? []), imageFile!]);
        const fitted = labels ? await fitting(imageFile!, image, labels) : image;
        if (photo.turned) turned.photos++;
        if (photo.turned && fitted !== image) turned.asStored++;
        if (labels && !sameSize(fitted, labels)) {
          add('size', imageFile!, `is ${size}, its label map ${labelFile} ${labels.width}x${labels.height}`);
        }
      }
      if (labels) {
        const counts = countClasses(labels);
        counts.slice(0, NUM_CLASSES).forEach((n, c) => {
          pixels[c] += n;
          if (n) maps[c]++;
        });
        unlabelled.pixels += counts[IGNORE];
        if (counts[IGNORE]) unlabelled.maps++;
      }
      options.onProgress?.(++done, jobs.length, faults.length ? `${faults.length} faults` : undefined);
    }
  };
  // The library decodes in threads of its own: enough to do for each, and no more pictures in memory than that.
  await Promise.all(Array.from({ length: 2 * availableParallelism() + 2 }, work));
  for (const files of same.values()) {
    const [first, ...others] = files.sort(byCodePoint);
    for (const file of others) add('duplicate', file, `is the same as ${first}`);
  }
  const order = Object.keys(FAULTS) as FaultKind[];
  faults.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || byCodePoint(a.file, b.file));
  const all = pixels.reduce((a, b) => a + b, 0);
  return {
    faults,
    counts: Object.fromEntries(order.map((kind) => [kind, faults.filter((f) => f.kind === kind).length])) as Record<FaultKind, number>,
    pairs: jobs.filter((j) => j.image && j.labels).length,
    labelsOnly: jobs.filter((j) => !j.image).length,
    classes: maps.map((n, c) => ({ name: CLASS_NAMES[c], maps: n, share: all ? pixels[c] / all : 0 })),
    turned,
    unlabelled: { maps: unlabelled.maps, share: unlabelled.pixels ? unlabelled.pixels / (all + unlabelled.pixels) : 0 },
    sizes,
  };
}

interface Folders {
  images?: string;
  labels: string;
}

function foldersOf(dir: string): Folders[] {
  const of = (folder: string): Folders[] => {
    const images = ['imgs', 'images'].map((n) => join(folder, n)).find((f) => existsSync(f));
    return existsSync(join(folder, 'labels')) || images ? [{ images, labels: join(folder, 'labels') }] : [];
  };
  const names = listAll(dir);
  const found = [...of(dir), ...names.flatMap((name) => of(join(dir, name)))];
  if (!found.length) {
    throw new UserError(
      `${dir}: there is no folder "labels" in it or one below; a data set is DIR/imgs with the photographs and DIR/labels with the label maps.`,
    );
  }
  return found;
}

/** The pairs of two folders, by stem; what has no partner is read all the same. */
function list({ images, labels }: Folders, add: Add): Job[] {
  const byStem = (folder: string, extensions: readonly string[]) => {
    const files = new Map<string, string>();
    for (const name of existsSync(folder) ? listAll(folder).sort(byCodePoint) : []) {
      const file = join(folder, name);
      if (!hasExtension(name, extensions)) add('stray', file, `does not end with ${extensions.join(', ')}`);
      else if (files.has(stem(name))) add('twice', file, `has the name of ${files.get(stem(name))}`);
      else files.set(stem(name), file);
    }
    return files;
  };
  const labelFiles = byStem(labels, LABEL_EXTENSIONS);
  if (!images) return [...labelFiles.values()].map((file) => ({ labels: file }));
  const imageFiles = byStem(images, IMAGE_EXTENSIONS);
  for (const [name, file] of labelFiles) if (!imageFiles.has(name)) add('partner', file, `has no photo in ${images}`);
  for (const [name, file] of imageFiles) if (!labelFiles.has(name)) add('partner', file, `has no label map in ${labels}`);
  return [...new Set([...imageFiles.keys(), ...labelFiles.keys()])].map((name) => ({ image: imageFiles.get(name), labels: labelFiles.get(name) }));
}

/** The rest of a message that begins with the file's name. */
const reason = (e: unknown, file: string) => (e as Error).message.replace(`${file}: `, '').replace(/\.$/, '');

async function readPhoto(file: string, add: Add): Promise<{ image: RgbImage; sum: string; turned: boolean } | undefined> {
  try {
    const bytes = readBytes(file);
    const image = await decodeImage(bytes, file);
    if (isGrey(image)) add('grey', file, 'has no colour');
    return { image, sum: createHash('sha1').update(bytes).digest('base64'), turned: await isTurned(bytes) };
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    add('unreadable', file, reason(e, file));
    return undefined;
  }
}

function isGrey({ data }: RgbImage): boolean {
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
    if (Math.abs(r - g) > COLOUR || Math.abs(g - b) > COLOUR || Math.abs(r - b) > COLOUR) return false;
  }
  return true;
}

async function readLabels(file: string, mapping: ClassMapping | undefined, add: Add): Promise<LabelMap | undefined> {
  try {
    if (mapping) return await readLabelMap(file, { mapping });
    const { data, width, height } = await readLabelValues(file);
    const odd = new Map<number, number>();
    for (const v of data) if (v >= NUM_CLASSES && v !== IGNORE) odd.set(v, (odd.get(v) ?? 0) + 1);
    if (odd.size) {
      const shown = [...odd]
        .sort((a, b) => a[0] - b[0])
        .slice(0, 8)
        .map(([v, n]) => `${v} (${n} pixels)`);
      add('values', file, `holds ${shown.join(', ')}${odd.size > 8 ? ` and ${odd.size - 8} more` : ''}; the last class is ${NUM_CLASSES - 1}`);
    }
    return { data: data instanceof Uint8Array ? data : Uint8Array.from(data, (v) => (v === IGNORE ? v : Math.min(v, IGNORE - 1))), width, height };
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    const kind = /not listed in the mapping/.test(e.message)
      ? 'values'
      : /has to be a PNG|holds colours, not class values/.test(e.message)
        ? 'channels'
        : 'unreadable';
    add(kind, file, reason(e, file));
    return undefined;
  }
}
