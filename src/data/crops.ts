/** Training on few large photographs: random windows at several scales, with a strip of each photograph held out. */
import { CLASS_NAMES } from '../classes';
import { wholeNumbers } from '../common/config';
import { UserError } from '../common/errors';
import { transformPair, type Batch } from './batches';
import { itemsOf, mapDataset, memoryPairs } from './dataset';
import { Random } from '../common/random';
import { resizeImage } from './resize';
import { Sequence, type SequenceOptions } from './sequence';
import { halve, type SrDataset, type SrPair } from './sr_pairs';
import { Renaming, renamed, type Synonyms } from './synonyms';
import type { LabelMap, Pair, PairDataset, Size } from './types';
import { toByte, writeNormalised } from './tensors';
import { crop, cropPair, mirrorLabels } from './picture';

/** The two parts of each photograph, which share no pixel: its right strip is held out, the rest is for training. */
export type PhotoPart = 'train' | 'held-out';

/** Share of a photograph's width that is held out. */
export const HELD_OUT = 0.25;

/** Columns [from, to) of a part of a photograph that is `width` wide. */
export function partColumns(part: PhotoPart, width: number, heldOut = HELD_OUT): [from: number, to: number] {
  const border = Math.round(width * (1 - heldOut));
  return part === 'train' ? [0, border] : [border, width];
}

export interface CropOptions extends SequenceOptions {
  /** [height, width] of the batch. Default [96, 128]. */
  imageSize?: Size;
  /** Smallest height of a window as a share of the photograph's; heights are drawn evenly on a logarithmic scale. Default 0.25. */
  minHeight?: number;
  /** Mirrors half of the windows. Default true. */
  flip?: boolean;
  /** Windows are up to so much wider or narrower than `imageSize` before they are resized. Default 1.15; 1 for none. */
  stretch?: number;
  /** Share of the windows that are laid around a pixel of an evenly drawn class, so that rare ones are seen. Default 0.5. */
  balance?: number;
  /** Other names for classes, such as `SYNONYMS`. Default none. */
  synonyms?: Synonyms;
  /** Default `HELD_OUT`. */
  heldOut?: number;
}

interface Photo {
  pair: Pair;
  /** Some pixels of each class that occurs, as places in the label map. */
  places: number[][];
}

/** A window of a batch. */
interface Plan {
  pair: Pair;
  /** x, y, width, height. */
  window: [number, number, number, number];
  mirrored: boolean;
  /** The class that each is shown as. */
  names: number[];
}

/** How many pixels of a class are remembered. */
const PLACES = 2000;

/**
 * Batches of random windows of the training part of each photograph, resized as the original resizes (image bicubic, labels nearest).
 * Colours stay as they are: windows differ in place, scale (`minHeight`), shape (`stretch`), side (`flip`). Photographs are decoded once.
 * Seeded and resumable as every `Sequence`; `repeat` says how many windows of a photograph make an epoch (default 64).
 */
export class CropBatches extends Sequence<Batch, Plan> {
  private readonly options: Required<Pick<CropOptions, 'imageSize' | 'minHeight' | 'flip' | 'stretch' | 'balance'>>;
  private readonly renaming: Renaming;

  private constructor(
    private readonly photos: readonly Photo[],
    source: string,
    options: CropOptions,
  ) {
    super(
      source,
      photos.map((p) => p.pair.name),
      { repeat: 64, ...options },
    );
    const { imageSize = [96, 128], minHeight = 0.25, flip = true, stretch = 1.15, balance = 0.5, synonyms = {} } = options;
    this.options = { imageSize, minHeight, flip, stretch, balance };
    this.renaming = new Renaming(synonyms);
  }

  /** Reads the photographs. @throws UserError for options out of range, and for a set that cannot be read */
  static async of(dataset: PairDataset, options: CropOptions = {}): Promise<CropBatches> {
    const [height, width] = options.imageSize ?? [96, 128];
    wholeNumbers({ height, width }, 'imageSize');
    within('crops.minHeight', options.minHeight ?? 0.25, Number.MIN_VALUE, 1);
    within('crops.stretch', options.stretch ?? 1, 1, 4);
    within('crops.balance', options.balance ?? 0, 0, 1);
    const photos: Photo[] = [];
    for (const pair of await parts(dataset, 'train', options.heldOut)) photos.push({ pair, places: somePlaces(pair.labels) });
    return new CropBatches(photos, `windows of ${dataset.source}`, options);
  }

  protected plan(item: number, random: Random): Plan {
    const window = this.window(this.photos[item], random);
    const mirrored = this.options.flip && random.random() < 0.5;
    return { pair: this.photos[item].pair, window, mirrored, names: this.renaming.draw(random) };
  }

  protected async load(plans: Plan[]): Promise<Batch> {
    const [height, width] = this.options.imageSize;
    const images = new Float32Array(plans.length * height * width * 3);
    const labels = plans.map(({ pair, window, mirrored, names }, b) => {
      const { image, labels } = transformPair(cropPair(pair, ...window), { imageSize: [height, width] });
      writeNormalised(image, images, b * height * width * 3, mirrored);
      const named = renamed(labels, names);
      return mirrored ? mirrorLabels(named) : named;
    });
    return { images, labels, names: plans.map(({ pair }) => pair.name) };
  }

  /** x, y, width, height. */
  private window({ pair, places }: Photo, random: Random): [number, number, number, number] {
    const { minHeight, stretch, balance, imageSize } = this.options;
    const { height, width } = pair.labels;
    const shape = (imageSize[1] / imageSize[0]) * Math.exp(random.uniform(-1, 1) * Math.log(stretch));
    const largest = Math.min(height, width / shape);
    const h = Math.exp(random.uniform(Math.log(Math.min(minHeight * height, largest)), Math.log(largest)));
    const [rows, columns] = [Math.max(1, Math.floor(h)), Math.max(1, Math.min(width, Math.floor(h * shape)))];
    const around = random.random() < balance ? pick(places, random) : undefined;
    // Anywhere in the window, so that what lies around a pixel is seen from all sides.
    const start = (length: number, size: number, place: number | undefined) =>
      place === undefined ? random.randrange(length - size + 1) : Math.max(0, Math.min(length - size, place - random.randrange(size)));
    const x = start(width, columns, around === undefined ? undefined : around % width);
    const y = start(height, rows, around === undefined ? undefined : Math.floor(around / width));
    return [x, y, columns, rows];
  }
}

/**
 * Windows of the held-out strips that do not change: for each photograph `count` places from top to bottom, as wide as the strip.
 * For samples, for choosing a checkpoint and for the figures that go with it.
 */
export async function heldOutCrops(dataset: PairDataset, imageSize: Size, { count = 3, heldOut = HELD_OUT } = {}): Promise<PairDataset> {
  const pairs: Pair[] = [];
  for (const pair of await parts(dataset, 'held-out', heldOut)) {
    const { height, width } = pair.labels;
    const rows = Math.min(height, Math.round((width * imageSize[0]) / imageSize[1]));
    const columns = Math.min(width, Math.round((rows * imageSize[1]) / imageSize[0]));
    for (let i = 0; i < count; i++) {
      const y = Math.round(((height - rows) * i) / Math.max(1, count - 1));
      pairs.push({ ...transformPair(cropPair(pair, 0, y, columns, rows), { imageSize }), name: `${pair.name}_${i + 1}` });
    }
  }
  return memoryPairs(pairs, `held-out strips of ${dataset.source}`);
}

/** Each pair cut to the shape of `size` at its middle, as large as it allows, and resized: for networks whose images are of another shape. */
export function centreCrops(dataset: PairDataset, size: Size): PairDataset {
  return mapDataset(dataset, (pair) => {
    const { height, width } = pair.labels;
    const scale = Math.min(height / size[0], width / size[1]);
    const [rows, columns] = size.map((n) => Math.max(1, Math.round(n * scale)));
    return transformPair(cropPair(pair, (width - columns) >> 1, (height - rows) >> 1, columns, rows), { imageSize: size });
  });
}

/** One part of each photograph, whole. */
export async function photoParts(dataset: PairDataset, part: PhotoPart, heldOut = HELD_OUT): Promise<PairDataset> {
  return memoryPairs(await parts(dataset, part, heldOut), `${part} parts of ${dataset.source}`);
}

/** Random windows of the training parts as pairs, drawn as `CropBatches` draws them: for what learns from pairs, such as the own segmenter. */
export async function trainingCrops(dataset: PairDataset, count: number, options: Omit<CropOptions, 'batchSize'> = {}): Promise<PairDataset> {
  const source = await CropBatches.of(dataset, { ...options, batchSize: 1 });
  const pairs: Pair[] = [];
  while (pairs.length < count) {
    const {
      images,
      labels: [labels],
      names,
    } = await source.next();
    const { height, width } = labels;
    const data = Uint8Array.from(images, toByte);
    pairs.push({ name: `${names[0]}_${pairs.length + 1}`, image: { data, height, width }, labels });
  }
  return memoryPairs(pairs, `${count} ${source.source}`);
}

/**
 * Pictures for RCAN from one part of each photograph: the part itself and, for training, smaller copies of it (`scales`), each beside its
 * half by Pillow's bicubic. Smaller copies show finer structure to a pixel, as a shrunk photograph does.
 */
export async function srCrops(
  dataset: PairDataset,
  part: PhotoPart,
  { scales = part === 'train' ? [1, 0.75, 0.5] : [1], heldOut = HELD_OUT } = {},
): Promise<SrDataset> {
  const made: SrPair[] = [];
  for (const { name, image } of await parts(dataset, part, heldOut)) {
    for (const scale of scales) {
      within('srCrops.scales', scale, Number.MIN_VALUE, 1);
      const even = (n: number) => Math.floor((n * scale) / 2) * 2;
      const size: Size = [even(image.height), even(image.width)];
      const high = scale === 1 ? crop(image, { x: 0, y: 0, height: size[0], width: size[1] }) : resizeImage(image, size, 'bicubic');
      made.push({ name: `${name}@${scale}`, low: halve(high), high });
    }
  }
  return memoryPairs(made, `${part} parts of ${dataset.source}`);
}

async function parts(dataset: PairDataset, part: PhotoPart, heldOut = HELD_OUT): Promise<Pair[]> {
  within('heldOut', heldOut, 0, 0.9);
  const pairs: Pair[] = [];
  for await (const pair of itemsOf(dataset)) {
    const [from, to] = partColumns(part, pair.image.width, heldOut);
    if (to <= from)
      throw new UserError(
        `${dataset.source}: ${pair.name} has no ${part} part, as ${100 * heldOut} % of its ${pair.image.width} columns are held out; take larger photographs.`,
      );
    pairs.push(cropPair(pair, from, 0, to - from, pair.image.height));
  }
  return pairs;
}

/** Evenly spaced pixels of each class. */
function somePlaces({ data }: LabelMap): number[][] {
  const byClass = CLASS_NAMES.map((): number[] => []);
  data.forEach((c, p) => byClass[c]?.push(p));
  return byClass
    .filter((all) => all.length)
    .map((all) => {
      const step = Math.max(1, all.length / PLACES);
      return Array.from({ length: Math.min(all.length, PLACES) }, (_, i) => all[Math.floor(i * step)]);
    });
}

function pick(places: number[][], random: Random): number | undefined {
  if (!places.length) return undefined;
  const own = places[random.randrange(places.length)];
  return own[random.randrange(own.length)];
}

function within(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) throw new UserError(`${name}: expected a number from ${low < 1e-9 ? 'above 0' : low} to ${high}, got ${value}.`);
}
