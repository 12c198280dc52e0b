/** Training batches of LGGAN. */
import { configure, oneOf, wholeNumbers, type Choice } from '../common/config';
import { UserError } from '../common/errors';
import { resizeImage, resizeLabels } from './resize';
import { Random } from '../common/random';
import { CACHE_BYTES, Cache, Sequence, type SequenceOptions, type Source } from './sequence';
import type { LabelMap, Pair, PairDataset, Size } from './types';
import { writeNormalised } from './tensors';
import { cropPair, mirrorLabels } from './picture';
import { Renaming, renamed, type Synonyms } from './synonyms';

/** What a training step takes. */
export interface Batch {
  /** [B, H, W, 3], NHWC, values in [-1, 1]. */
  images: Float32Array;
  /** B label maps of [H, W]. */
  labels: LabelMap[];
  /** Stems, B. */
  names: string[];
}

/** A sequence of batches without end that can be taken up again. */
export type BatchSource = Source<Batch>;

export interface TransformOptions {
  /** [height, width]. Default [192, 256]. */
  imageSize?: Size;
  /**
   * `paper` (default): the whole pair is resized to `imageSize`. `original`: it is resized to a square of the width, and the top rows are
   * kept, so that the bottom quarter of a 4:3 photograph is never seen.
   */
  crop?: Choice;
}

export interface BatchOptions extends TransformOptions, SequenceOptions {
  /** Mirrors image and label map with probability 1/2. Default true. */
  flip?: boolean;
  /**
   * Random parts of the photographs, for sets of few large ones: a window of `imageSize`'s proportions, its side uniform between
   * `minScale` (0 to 1) and 1 times the largest that fits, anywhere. Default: the whole photograph.
   */
  randomCrop?: { minScale: number };
  /** Other names for classes, such as `RARE_SYNONYMS`. Default none. */
  synonyms?: Synonyms;
  /** Memory for pairs read before, in bytes; 0 for none. Resized pairs are kept, whole ones with `randomCrop`. Default 1 GiB. */
  cacheBytes?: number;
}

/**
 * A pair at the size of training: the image by Pillow's bicubic, the label map by Pillow's nearest, as the original's transform.
 * Returns the pair itself where nothing changes.
 */
export function transformPair(pair: Pair, { imageSize = [192, 256], crop = 'paper' }: TransformOptions = {}): Pair {
  const [height, width] = imageSize;
  if (crop === 'paper') {
    if (pair.image.height === height && pair.image.width === width) return pair;
    return { name: pair.name, image: resizeImage(pair.image, imageSize, 'bicubic'), labels: resizeLabels(pair.labels, imageSize) };
  }
  if (height > width) {
    throw new UserError(`imageSize: crop 'original' keeps the top rows of a square of the width, so ${width}x${height} is too high.`);
  }
  const image = resizeImage(pair.image, [width, width], 'bicubic');
  const labels = resizeLabels(pair.labels, [width, width]);
  return {
    name: pair.name,
    image: { data: image.data.slice(0, height * width * 3), height, width },
    labels: { data: labels.data.slice(0, height * width), height, width },
  };
}

/** A random window of the given proportions (height / width). */
function randomWindow(pair: Pair, [h, w]: Size, minScale: number, random: Random): Pair {
  const { height, width } = pair.image;
  const largest = Math.min(width, (height * w) / h);
  const scale = random.uniform(minScale, 1);
  const cropWidth = Math.max(1, Math.min(width, Math.round(largest * scale)));
  const cropHeight = Math.max(1, Math.min(height, Math.round((largest * scale * h) / w)));
  const x = random.randrange(width - cropWidth + 1);
  const y = random.randrange(height - cropHeight + 1);
  return cropPair(pair, x, y, cropWidth, cropHeight);
}

/** A pair of a batch, whether it is mirrored, the seed of its window, and the class that each is shown as. */
interface Plan {
  item: number;
  mirrored: boolean;
  window: number;
  names?: number[];
}

/**
 * Training batches of a data set: shuffled anew each epoch, transformed, mirrored at random; the next is read while one is used. The same
 * seed gives the same batches, also after `restore(state())`. See `Sequence`.
 */
export class TrainingBatches extends Sequence<Batch, Plan> {
  private readonly transform: Required<TransformOptions>;
  private readonly flip: boolean;
  private readonly minScale?: number;
  private readonly renaming?: Renaming;
  private readonly cache: Cache<Pair>;

  /** Throws a UserError for options out of range, and where the set has fewer pairs than a batch. */
  constructor(
    private readonly dataset: PairDataset,
    options: BatchOptions = {},
  ) {
    super(dataset.source, dataset.names, options);
    const imageSize: Size = options.imageSize ?? [192, 256];
    wholeNumbers({ height: imageSize[0], width: imageSize[1] }, 'imageSize');
    this.transform = { imageSize, crop: options.crop ?? 'paper' };
    oneOf(this.transform.crop, ['paper', 'original'], 'crop');
    this.flip = options.flip ?? true;
    if (options.randomCrop) {
      this.minScale = configure({ minScale: 1 }, options.randomCrop, 'randomCrop').minScale;
      if (!(this.minScale > 0 && this.minScale <= 1)) {
        throw new UserError(`randomCrop.minScale: expected a number above 0 and up to 1, got ${this.minScale}.`);
      }
    }
    if (options.synonyms) this.renaming = new Renaming(options.synonyms);
    this.cache = new Cache(options.cacheBytes ?? CACHE_BYTES, (p) => p.image.data.length + p.labels.data.length);
  }

  protected plan(item: number, random: Random): Plan {
    return { item, mirrored: this.flip && random.random() < 0.5, window: random.getrandbits(32), names: this.renaming?.draw(random) };
  }

  protected async load(plans: Plan[]): Promise<Batch> {
    const [height, width] = this.transform.imageSize;
    const pairs = await Promise.all(plans.map(({ item, window }) => this.prepare(item, window)));
    const images = new Float32Array(plans.length * height * width * 3);
    const labels = pairs.map((pair, b) => {
      writeNormalised(pair.image, images, b * height * width * 3, plans[b].mirrored);
      const { mirrored, names } = plans[b];
      const labels = names ? renamed(pair.labels, names) : pair.labels;
      return mirrored ? mirrorLabels(labels) : labels;
    });
    return { images, labels, names: pairs.map((p) => p.name) };
  }

  private async prepare(item: number, windowSeed: number): Promise<Pair> {
    if (this.minScale === undefined) {
      return this.cache.get(item, async (i) => transformPair(await this.dataset.at(i), this.transform));
    }
    const whole = await this.cache.get(item, (i) => this.dataset.at(i));
    const window = randomWindow(whole, this.transform.imageSize, this.minScale, new Random(windowSeed));
    return transformPair(window, this.transform);
  }
}
