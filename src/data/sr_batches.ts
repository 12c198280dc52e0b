/** Training batches of RCAN: aligned patches. */
import { wholeNumbers } from '../common/config';
import { UserError } from '../common/errors';
import { cropBytes } from './picture';
import type { Random } from '../common/random';
import { CACHE_BYTES, Cache, Sequence, type SequenceOptions, type Source } from './sequence';
import type { SrDataset, SrPair } from './sr_pairs';
import type { RgbImage } from './types';

/** What a training step takes; NHWC, values 0..255. */
export interface SrBatch {
  /** [B, patch / 2, patch / 2, 3]. */
  low: Float32Array;
  /** [B, patch, patch, 3]. */
  high: Float32Array;
  /** Side of the high patch in pixels. */
  patch: number;
  names: string[];
}

export type SrBatchSource = Source<SrBatch>;

export interface SrBatchOptions extends SequenceOptions {
  /** Side of the high-resolution patch, even. Default 96. */
  patch?: number;
  /** Mirroring, turning upside down and transposing at random, eight ways in all. Default true. */
  augment?: boolean;
  /** Memory for pairs read before, in bytes; 0 for none. Default 1 GiB. */
  cacheBytes?: number;
}

/** One of the eight symmetries of a square: transposed first, then mirrored in x and y. */
export interface Symmetry {
  mirrorX: boolean;
  mirrorY: boolean;
  transpose: boolean;
}

/** Writes a square window of an image, turned, as floats 0..255 at `offset`. */
export function writePatch(
  image: RgbImage,
  x: number,
  y: number,
  side: number,
  { mirrorX, mirrorY, transpose }: Symmetry,
  out: Float32Array,
  offset: number,
): void {
  const patch = cropBytes(image.data, image, 3, x, y, side, side);
  let o = offset;
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const r = mirrorY ? side - 1 - row : row;
      const c = mirrorX ? side - 1 - column : column;
      let i = (transpose ? c * side + r : r * side + c) * 3;
      out[o++] = patch[i++];
      out[o++] = patch[i++];
      out[o++] = patch[i];
    }
  }
}

/** A patch: its pair, its place as shares of what there is, how it is turned. */
interface Plan {
  item: number;
  x: number;
  y: number;
  symmetry: Symmetry;
}

/**
 * Patches for RCAN x2: of each pair one window at a random place, the same in both sizes, turned one of eight ways (RCAN, section 4.1:
 * flips and rotations by 90 degrees). Seeded, resumable and read ahead as `TrainingBatches`. `repeat` takes several patches of a picture
 * in an epoch. A pair that is smaller than the patch is a UserError.
 */
export class SrPatches extends Sequence<SrBatch, Plan> {
  private readonly patch: number;
  private readonly augment: boolean;
  private readonly cache: Cache<SrPair>;

  constructor(
    private readonly dataset: SrDataset,
    options: SrBatchOptions = {},
  ) {
    super(dataset.source, dataset.names, { batchSize: 32, ...options });
    this.patch = options.patch ?? 96;
    wholeNumbers({ patch: this.patch }, 'srBatches', 2);
    if (this.patch % 2) throw new UserError(`srBatches.patch: expected an even number, got ${this.patch}.`);
    this.augment = options.augment ?? true;
    this.cache = new Cache(options.cacheBytes ?? CACHE_BYTES, (p) => p.low.data.length + p.high.data.length);
  }

  protected plan(item: number, random: Random): Plan {
    return { item, x: random.random(), y: random.random(), symmetry: this.symmetry(random) };
  }

  protected async load(plans: Plan[]): Promise<SrBatch> {
    const { patch } = this;
    const side = patch / 2;
    const pairs = await Promise.all(plans.map(({ item }) => this.cache.get(item, (i) => this.dataset.at(i))));
    const low = new Float32Array(plans.length * side * side * 3);
    const high = new Float32Array(plans.length * patch * patch * 3);
    pairs.forEach((pair, b) => {
      const [columns, rows] = [pair.low.width - side + 1, pair.low.height - side + 1];
      if (columns < 1 || rows < 1) {
        throw new UserError(
          `${this.source}: ${pair.name} is ${pair.high.width}x${pair.high.height}, smaller than a patch of ${patch}; choose a smaller patch.`,
        );
      }
      const { symmetry } = plans[b];
      const x = Math.floor(plans[b].x * columns);
      const y = Math.floor(plans[b].y * rows);
      writePatch(pair.low, x, y, side, symmetry, low, b * side * side * 3);
      writePatch(pair.high, 2 * x, 2 * y, patch, symmetry, high, b * patch * patch * 3);
    });
    return { low, high, patch, names: pairs.map((p) => p.name) };
  }

  private symmetry(random: Random): Symmetry {
    const bits = random.getrandbits(3);
    if (!this.augment) return { mirrorX: false, mirrorY: false, transpose: false };
    return { mirrorX: (bits & 1) !== 0, mirrorY: (bits & 2) !== 0, transpose: (bits & 4) !== 0 };
  }
}
