import * as tf from '../tf';
import { resizeLabelsCorner } from '../data/resize';
import { IGNORE, type LabelMap } from '../data/types';
import { UserError } from '../errors';

/**
 * The distinct 5x5 neighbourhoods of a batch of label maps at one resolution. What SPADE computes at a pixel depends on nothing
 * else, so it is computed once for each of them and looked up.
 */
export interface Neighbourhoods {
  /** How many there are. */
  count: number;
  /** Their labels, one-hot; ignored pixels and those outside the map are zero. [count,5,5,classes] */
  oneHot: tf.Tensor4D;
  /** 1 where the inner 3x3 lies inside the map, else 0: a convolution's zero padding of the hidden layer. [count,3,3,1] */
  inside: tf.Tensor4D;
  /** For each pixel of the batch, row by row, the number of its neighbourhood. [B*h*w], int32 */
  index: tf.Tensor1D;
}

/** The label maps at one resolution, in the form that serves best there. */
export interface LabelLevel {
  height: number;
  width: number;
  /** One-hot labels, [B,h,w,classes]. */
  oneHot: tf.Tensor4D;
  /** Absent where so many neighbourhoods differ that computing each pixel is cheaper. */
  neighbourhoods?: Neighbourhoods;
}

/** Above this share of distinct neighbourhoods the dense computation is as fast. */
const DENSE_ABOVE = 0.5;

/**
 * A batch of label maps of one size, prepared for the generator: one-hot tensors and distinct neighbourhoods at every resolution
 * that a SPADE layer works at. Holds tensors; `dispose()` frees them.
 */
export class LabelPyramid {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** Which classes stand somewhere in the batch, ascending. */
  readonly present: readonly number[];
  private readonly levels: LabelLevel[];

  /**
   * @param factors the resolutions: 1 is that of the maps, 2 half of it, ...
   * @throws UserError if sizes differ or a label is neither a class nor IGNORE
   */
  constructor(readonly maps: readonly LabelMap[], readonly classes: number, factors: readonly number[] = [1]) {
    if (maps.length === 0) throw new UserError('no label map was given');
    const [{ height, width }] = maps;
    if (maps.some((m) => m.height !== height || m.width !== width)) {
      throw new UserError('the label maps of a batch differ in size: resize them to one size first');
    }
    this.batch = maps.length;
    this.height = height;
    this.width = width;
    this.present = presentClasses(maps, classes);
    this.levels = factors.map((f) => this.level(height / f, width / f));
  }

  at(height: number, width: number): LabelLevel {
    const level = this.levels.find((l) => l.height === height && l.width === width);
    if (!level) throw new Error(`the label pyramid has no level of ${height}x${width}`);
    return level;
  }

  dispose(): void {
    for (const { oneHot, neighbourhoods } of this.levels) {
      oneHot.dispose();
      if (neighbourhoods) tf.dispose([neighbourhoods.oneHot, neighbourhoods.inside, neighbourhoods.index]);
    }
  }

  private level(height: number, width: number): LabelLevel {
    const codes = this.maps.map((m) => resizeLabelsCorner(m, [height, width]));
    const pixels = height * width;
    const all = new Int32Array(this.batch * pixels);
    codes.forEach((c, b) => all.set(c.data, b * pixels));
    const keepOneHot = (indices: tf.TensorLike, shape: number[]) =>
      // Classes beyond the depth (ignored, outside) become rows of zeros.
      tf.tidy(() => tf.keep(tf.oneHot(tf.tensor(indices, shape, 'int32'), this.classes, 1, 0, 'float32')));
    const oneHot = keepOneHot(all, [this.batch, height, width]) as tf.Tensor4D;
    const found = distinctNeighbourhoods(codes, this.classes);
    if (found.count > DENSE_ABOVE * all.length) return { height, width, oneHot };
    return {
      height,
      width,
      oneHot,
      neighbourhoods: {
        count: found.count,
        oneHot: keepOneHot(found.codes, [found.count, 5, 5]) as tf.Tensor4D,
        inside: tf.keep(tf.tensor4d(found.inside, [found.count, 3, 3, 1])),
        index: tf.keep(tf.tensor1d(found.index, 'int32')),
      },
    };
  }
}

function presentClasses(maps: readonly LabelMap[], classes: number): number[] {
  const seen = new Uint8Array(256);
  for (const { data } of maps) for (let i = 0; i < data.length; i++) seen[data[i]] = 1;
  const wrong = seen.findIndex((s, v) => s === 1 && v >= classes && v !== IGNORE);
  if (wrong >= 0) throw new UserError(`a label map holds the value ${wrong}; the classes go from 0 to ${classes - 1}`);
  return [...seen.keys()].filter((v) => seen[v] && v < classes);
}

/** The distinct 5x5 windows of the maps; code `classes` stands for ignored, `classes + 1` for outside. Exported for its test. */
export function distinctNeighbourhoods(maps: readonly LabelMap[], classes: number) {
  const { height, width } = maps[0];
  const outside = classes + 1;
  const index = new Int32Array(maps.length * height * width);
  const found: number[] = [];
  // A window is numbered row by row: five labels make a row, two rows a pair, two pairs a four, a four and a row the window.
  const [rows, pairs, fours, windows] = [numbering(), numbering(), numbering(), numbering()];
  const padded = height + 4;
  const row = new Int32Array(padded * width);
  const pair = new Int32Array((padded - 1) * width);
  const line = new Int32Array(width + 4).fill(outside);
  maps.forEach((map, b) => {
    for (let y = -2; y < height + 2; y++) {
      const inside = y >= 0 && y < height;
      for (let x = 0; x < width; x++) {
        line[x + 2] = inside ? Math.min(map.data[y * width + x], classes) : outside;
      }
      for (let x = 0; x < width; x++) {
        const key = (((line[x] * 256 + line[x + 1]) * 256 + line[x + 2]) * 256 + line[x + 3]) * 256 + line[x + 4];
        row[(y + 2) * width + x] = rows(key);
      }
    }
    for (let i = 0; i < pair.length; i++) pair[i] = pairs(row[i] * 2 ** 26 + row[i + width]);
    for (let i = 0; i < height * width; i++) {
      const four = fours(pair[i] * 2 ** 26 + pair[i + 2 * width]);
      const id = windows(four * 2 ** 26 + row[i + 4 * width]);
      if (id * 2 === found.length) found.push(b, i);
      index[b * height * width + i] = id;
    }
  });
  const count = found.length / 2;
  const codes = new Int32Array(count * 25);
  const inside = new Float32Array(count * 9);
  for (let u = 0; u < count; u++) {
    const { data } = maps[found[2 * u]];
    const at = found[2 * u + 1];
    const y0 = Math.floor(at / width);
    const x0 = at % width;
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) {
        const y = y0 + dy;
        const x = x0 + dx;
        const within = y >= 0 && y < height && x >= 0 && x < width;
        codes[u * 25 + (dy + 2) * 5 + dx + 2] = within ? Math.min(data[y * width + x], classes) : outside;
        if (Math.abs(dy) < 2 && Math.abs(dx) < 2) inside[u * 9 + (dy + 1) * 3 + dx + 1] = within ? 1 : 0;
      }
    }
  }
  return { count, codes, inside, index };
}

/** Numbers keys 0, 1, 2, ... in the order they are first seen. */
function numbering(): (key: number) => number {
  const ids = new Map<number, number>();
  return (key) => {
    let id = ids.get(key);
    if (id === undefined) {
      id = ids.size;
      ids.set(key, id);
    }
    return id;
  };
}
