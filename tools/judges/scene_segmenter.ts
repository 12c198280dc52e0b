import { ADE20K_NAMES } from './ade20k';
import type { LabelMap, RgbImage } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { resizeImage, resizeLabels } from '../../src/data/resize';
import { crop } from '../../src/data/picture';
import { OnnxNetwork } from './onnx';
import { WEIGHTS } from './weights';

/** Side of the network's input. */
const SIDE = 512;

/** What the network says of an image, seen in several ways. */
export interface Votes {
  /** ADE20K's number of each pixel by the weighted majority of the views. */
  labels: LabelMap;
  /** The number with the second most votes; that of `labels` where there is no other. */
  second: Uint8Array;
  /** Share of the votes that the winner has, 0..1. */
  share: Float32Array;
}

interface Window {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Widest shape that is squeezed into the square as a whole. */
const WIDEST = 2;
/** Side of the smaller windows as a share of the largest. */
const CLOSER = 0.6;
/** Windows of less than this many pixels show the network nothing that the whole did not. */
const SMALLEST_WINDOW = 300;
/** The whole knows what a patch of green is part of: its vote counts twice. */
const WEIGHT_OF_WHOLE = 2;

/**
 * The scene segmenter MOSAIC (Wang et al. 2021) on ADE20K's 31 most frequent classes. It tells wall, building, sky, tree, road, grass,
 * person, earth, mountain, plant, water, house, sea and field; rock, hill, sand, river, lake, waterfall and others it does not know.
 */
export class SceneSegmenter {
  private constructor(private readonly network: OnnxNetwork) {}

  /** Loads `mosaic_ade20k.onnx`. @throws UserError as `OnnxNetwork.load` does */
  static async load(file: string, options?: { unlisted?: boolean }): Promise<SceneSegmenter> {
    return new SceneSegmenter(await OnnxNetwork.load('segmenter', file, options));
  }

  /** Network, training set and file, for tables. */
  get name(): string {
    return `${WEIGHTS.segmenter.title}; ${this.network.source}`;
  }

  /** ADE20K's numbers for an image as a whole, which is squeezed to 512x512 (bilinear) and looked at once; [512, 512]. */
  async look(image: RgbImage): Promise<LabelMap> {
    const { data } = image.height === SIDE && image.width === SIDE ? image : resizeImage(image, [SIDE, SIDE], 'bilinear');
    const output = await this.network.run('uint8', data, [1, SIDE, SIDE, 3]);
    const numbers = new Uint8Array(output.data as Int32Array);
    const unknown = numbers.find((v) => v >= ADE20K_NAMES.length);
    if (unknown !== undefined) throw new UserError(`${this.name}: it gives the class ${unknown}, which is none of ADE20K's first 31; this is another network.`);
    return { data: numbers, height: SIDE, width: SIDE };
  }

  /**
   * ADE20K's numbers for a photograph of any size and shape, by the votes of several views: the whole, windows of 60 % of its side that
   * overlap, and each of them mirrored. Very wide or high photographs are seen in parts of 2 : 1.
   */
  async vote(image: RgbImage): Promise<Votes> {
    const { height, width } = image;
    const count = ADE20K_NAMES.length;
    const votes = new Uint8Array(height * width * count);
    for (const [scale, weight] of [
      [1, WEIGHT_OF_WHOLE],
      [CLOSER, 1],
    ]) {
      for (const window of windows(height, width, scale)) {
        const part = crop(image, window);
        for (const mirrored of [false, true]) {
          const seen = resizeLabels(await this.look(mirrored ? mirrorImage(part) : part), [window.height, window.width]);
          for (let y = 0; y < window.height; y++) {
            for (let x = 0; x < window.width; x++) {
              const label = seen.data[y * window.width + (mirrored ? window.width - 1 - x : x)];
              votes[((window.y + y) * width + window.x + x) * count + label] += weight;
            }
          }
        }
      }
    }
    return counted(votes, height, width, count);
  }

  async dispose(): Promise<void> {
    await this.network.dispose();
  }
}

/** The windows of one scale (share of the largest window's side), overlapping by a third or more, which cover the image. */
export function windows(height: number, width: number, scale: number): Window[] {
  const short = Math.min(height, width);
  const w = Math.round(Math.min(width, WIDEST * short) * scale);
  const h = Math.round(Math.min(height, WIDEST * short) * scale);
  if (scale < 1 && Math.min(w, h) < SMALLEST_WINDOW) return [];
  const starts = (length: number, size: number) => {
    const n = Math.ceil((length - size) / ((size * 2) / 3) - 1e-2) + 1;
    return Array.from({ length: n }, (_, i) => (n === 1 ? 0 : Math.round((i * (length - size)) / (n - 1))));
  };
  return starts(height, h).flatMap((y) => starts(width, w).map((x) => ({ x, y, width: w, height: h })));
}

function mirrorImage({ data, height, width }: RgbImage): RgbImage {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [(y * width + width - 1 - x) * 3, (y * width + x) * 3];
      for (let c = 0; c < 3; c++) out[to + c] = data[from + c];
    }
  }
  return { data: out, height, width };
}

function counted(votes: Uint8Array, height: number, width: number, count: number): Votes {
  const pixels = height * width;
  const labels = new Uint8Array(pixels);
  const second = new Uint8Array(pixels);
  const share = new Float32Array(pixels);
  for (let p = 0; p < pixels; p++) {
    let [best, next, all] = [0, -1, 0];
    for (let c = 0; c < count; c++) {
      const v = votes[p * count + c];
      all += v;
      if (v > votes[p * count + best]) [best, next] = [c, best];
      else if (c !== best && v > 0 && (next < 0 || v > votes[p * count + next])) next = c;
    }
    labels[p] = best;
    second[p] = next < 0 || votes[p * count + next] === 0 ? best : next;
    share[p] = votes[p * count + best] / all;
  }
  return { labels: { data: labels, height, width }, second, share };
}
