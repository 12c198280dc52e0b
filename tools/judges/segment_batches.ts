/** Training batches of the judge: windows of photographs, mirrored and in other light, with their label maps. */
import { wholeNumbers } from '../../src/common/config';
import { UserError } from '../../src/common/errors';
import type { Random } from '../../src/common/random';
import { CACHE_BYTES, Cache, Sequence, type SequenceOptions } from '../../src/data/sequence';
import type { Pair, PairDataset, RgbImage, Size } from '../../src/data/types';

/** What a training step takes. */
export interface SegmentBatch {
  /** [B, H, W, 3] in about [-1, 1], in other light than the photographs. */
  images: Float32Array;
  /** [B, H / block, W / block]: the class in the middle of each block of pixels, or IGNORE. */
  labels: Int32Array;
}

export interface SegmentBatchOptions extends SequenceOptions {
  /** Height and width of the windows, multiples of `block`. */
  window: Size;
  /** Pixels a side that a label stands for. */
  block: number;
  /** A window is at least this share of the largest one of its form that fits the photograph. Default 0.45. */
  smallest?: number;
  /** How far light and colours may go, 0 for not at all. Default 1: brightness, contrast and saturation by 40 %, each colour by 15 %; one in ten grey. */
  jitter?: number;
  /** Memory for pairs read before, in bytes; 0 for none. Default 1 GiB. */
  cacheBytes?: number;
}

/** How an image's colours change, on values in [-1, 1]: mixed with grey, stretched around 0, moved. */
export interface Light {
  /** 1: as they are, 0: grey. */
  saturation: number;
  /** Of red, green and blue. */
  gain: readonly [number, number, number];
  offset: number;
}

/**
 * Windows of photographs at random places and scales, brought to one size by bilinear interpolation. Seeded, resumable and read ahead as
 * `TrainingBatches`. Whoever learns from them cannot rely on a colour, nor on the size of things.
 */
export class SegmentBatches extends Sequence<SegmentBatch, Plan> {
  private readonly options: Required<Pick<SegmentBatchOptions, 'window' | 'block' | 'smallest' | 'jitter'>>;
  private readonly cache: Cache<Pair>;

  constructor(
    private readonly dataset: PairDataset,
    options: SegmentBatchOptions,
  ) {
    super(dataset.source, dataset.names, { batchSize: 8, ...options });
    const { window, block, smallest = 0.45, jitter = 1, cacheBytes = CACHE_BYTES } = options;
    wholeNumbers({ height: window[0], width: window[1], block }, 'segmentBatches');
    if (window.some((n) => n % block)) throw new UserError(`segmentBatches.window: ${window.join('x')} has to be multiples of ${block}.`);
    if (!(smallest > 0 && smallest <= 1)) throw new UserError(`segmentBatches.smallest: expected more than 0 and at most 1, got ${smallest}.`);
    if (!(jitter >= 0 && jitter <= 2)) throw new UserError(`segmentBatches.jitter: expected 0 to 2, got ${jitter}.`);
    this.options = { window, block, smallest, jitter };
    this.cache = new Cache(cacheBytes, ({ image, labels }) => image.data.length + labels.data.length);
  }

  protected plan(item: number, random: Random): Plan {
    const { smallest, jitter } = this.options;
    return {
      item,
      share: random.uniform(smallest, 1),
      top: random.random(),
      left: random.random(),
      mirrored: random.random() < 0.5,
      light: light(random, jitter),
    };
  }

  protected async load(plans: Plan[]): Promise<SegmentBatch> {
    const { window, block } = this.options;
    const [height, width] = window;
    const pairs = await Promise.all(plans.map(({ item }) => this.cache.get(item, (i) => this.dataset.at(i))));
    const images = new Float32Array(plans.length * height * width * 3);
    const labels = new Int32Array((plans.length * height * width) / (block * block));
    pairs.forEach(({ image, labels: map }, b) => {
      const { share, top, left, mirrored, light } = plans[b];
      // Source pixels a window's pixel.
      const scale = share * Math.min(image.height / height, image.width / width);
      const place = { top: top * (image.height - scale * height), left: left * (image.width - scale * width), scale, mirrored };
      writeWindow(image, place, window, light, images, b * height * width * 3);
      const [rows, columns] = [height / block, width / block];
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
          const column = mirrored ? columns - 1 - x : x;
          const row = Math.min(map.height - 1, Math.floor(place.top + (y + 0.5) * block * scale));
          const from = Math.min(map.width - 1, Math.floor(place.left + (column + 0.5) * block * scale));
          labels[(b * rows + y) * columns + x] = map.data[row * map.width + from];
        }
      }
    });
    return { images, labels };
  }
}

function light(random: Random, jitter: number): Light {
  const around = (spread: number) => 1 + jitter * spread * random.uniform(-1, 1);
  const grey = random.random() < 0.1 * jitter;
  const saturation = around(0.4);
  const contrast = around(0.4);
  const gain = [around(0.15), around(0.15), around(0.15)].map((g) => g * contrast) as [number, number, number];
  return { saturation: grey ? 0 : saturation, gain, offset: jitter * 0.4 * random.uniform(-1, 1) };
}

/** A window: its side and place as shares of what there is. */
interface Plan {
  item: number;
  share: number;
  top: number;
  left: number;
  mirrored: boolean;
  light: Light;
}

interface Place {
  top: number;
  left: number;
  /** Source pixels a pixel. */
  scale: number;
  mirrored: boolean;
}

/** Writes a window of an image, in another light, as floats at `offset`. */
function writeWindow(image: RgbImage, { top, left, scale, mirrored }: Place, [height, width]: Size, light: Light, out: Float32Array, offset: number): void {
  const { data } = image;
  const columns = taps(width, left, scale, image.width);
  const rows = taps(height, top, scale, image.height);
  const { saturation, gain, offset: moved } = light;
  const pixel = [0, 0, 0];
  let o = offset;
  for (const { first: y0, second: y1, weight: wy } of rows) {
    for (let x = 0; x < width; x++) {
      const { first: x0, second: x1, weight: wx } = columns[mirrored ? width - 1 - x : x];
      const [a, b, c, d] = [(y0 * image.width + x0) * 3, (y0 * image.width + x1) * 3, (y1 * image.width + x0) * 3, (y1 * image.width + x1) * 3];
      for (let k = 0; k < 3; k++) {
        const upper = data[a + k] + wx * (data[b + k] - data[a + k]);
        const lower = data[c + k] + wx * (data[d + k] - data[c + k]);
        pixel[k] = (upper + wy * (lower - upper)) / 127.5 - 1;
      }
      // Luma by Rec. 601.
      const grey = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
      for (let k = 0; k < 3; k++) out[o++] = gain[k] * (grey + saturation * (pixel[k] - grey)) + moved;
    }
  }
}

/** Between which two source pixels each of `count` lies, and how near to the second. */
const taps = (count: number, start: number, scale: number, size: number) =>
  Array.from({ length: count }, (_, i) => {
    const at = Math.min(size - 1, Math.max(0, start + (i + 0.5) * scale - 0.5));
    const first = Math.floor(at);
    return { first, second: Math.min(size - 1, first + 1), weight: at - first };
  });
