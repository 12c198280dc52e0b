import * as tf from '../../engine/tf';
import { resizeLabelsCorner } from '../../data/resize';
import { IGNORE, type LabelMap } from '../../data/types';
import { UserError } from '../../common/errors';
import { anySize, INPUTS, type Recordable } from '../../engine/compiled';
import { classSlots, type ClassSlots } from './class_slots';
import { distinctWindows, type LabelWindows } from './label_windows';
import { disposeTable, windowTable, type WindowTable } from './window_table';

/**
 * The distinct 5x5 neighbourhoods of a batch of label maps at one resolution. What SPADE computes at a pixel depends on nothing
 * else, so it is computed once for each of them and looked up. Its hidden layer depends on 3x3 windows, of which there are fewer still.
 */
export interface Neighbourhoods {
  /** How many there are. */
  count: number;
  /** For each pixel of the batch, row by row, the number of its neighbourhood. [B*h*w], int32 */
  index: tf.Tensor1D;
  /** The distinct 3x3 windows. */
  windows: WindowTable;
  /**
   * For each neighbourhood the 3x3 windows in it, row by row; one more than there are windows where the position lies outside the map:
   * a row of zeros, the zero padding of the hidden layer. [count*9], int32
   */
  inner: tf.Tensor1D;
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

/** How a pyramid is made. */
export interface PyramidOptions {
  /** The resolutions: 1 is that of the maps, 2 half of it, ... Default [1]. */
  factors?: readonly number[];
  /** Side of the kernel of a first convolution on the maps, reflected at their border; 0 for none. Default 0. */
  entryKernel?: number;
  /**
   * For a compiled function: what a network does with the maps does not depend on what stands in them, so that one recording serves all maps of
   * one size; needs the native engine. The number is how many classes are painted apart at least. Default undefined: what is fastest for these maps.
   */
  open?: number;
}

/** Levels of a pyramid for compiled functions: from an eighth of the size on every pixel is computed. */
const DENSE_FROM = 8;

/** Above this share of distinct neighbourhoods the dense computation is as fast. */
const DENSE_ABOVE = 0.5;

/**
 * A batch of label maps of one size, prepared for the generator: one-hot tensors and distinct neighbourhoods at every resolution
 * that a SPADE layer works at. Holds tensors; `dispose()` frees them.
 */
export class LabelPyramid implements Recordable {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** Which classes stand somewhere in the batch, ascending. */
  readonly present: readonly number[];
  /** The distinct windows that a first convolution sees, absent where nearly all differ. */
  readonly entry?: WindowTable;
  /** For compiled functions: which classes are painted apart, and where. */
  readonly slots?: ClassSlots;
  private readonly levels: LabelLevel[];

  /** @throws UserError if sizes differ or a label is neither a class nor IGNORE */
  constructor(
    readonly maps: readonly LabelMap[],
    readonly classes: number,
    { factors = [1], entryKernel = 0, open }: PyramidOptions = {},
  ) {
    if (maps.length === 0) throw new UserError('no label map was given');
    const [{ height, width }] = maps;
    if (maps.some((m) => m.height !== height || m.width !== width)) {
      throw new UserError('the label maps of a batch differ in size: resize them to one size first');
    }
    this.batch = maps.length;
    this.height = height;
    this.width = width;
    this.present = presentClasses(maps, classes);
    if (open !== undefined) this.slots = classSlots(maps, classes, this.present, open);
    this.levels = factors.map((f) => this.level(height / f, width / f));
    if (entryKernel) {
      const windows = distinctWindows(maps, classes, entryKernel, 'reflect');
      if (this.slots || windows.count <= DENSE_ABOVE * windows.index.length) this.entry = windowTable(windows, entryKernel, this.present, classes);
    }
  }

  at(height: number, width: number): LabelLevel {
    const level = this.levels.find((l) => l.height === height && l.width === width);
    if (!level) throw new Error(`the label pyramid has no level of ${height}x${width}`);
    return level;
  }

  dispose(): void {
    for (const { oneHot, neighbourhoods } of this.levels) {
      oneHot.dispose();
      if (!neighbourhoods) continue;
      tf.dispose([neighbourhoods.index, neighbourhoods.inner]);
      disposeTable(neighbourhoods.windows);
    }
    if (this.entry) disposeTable(this.entry);
    if (this.slots) tf.dispose(Object.values(this.slots.tensors));
  }

  /** As an argument of a compiled function. */
  [INPUTS]() {
    const table = ({ oneHot, columns, index }: WindowTable) => [anySize(oneHot, 0, 1), anySize(columns, 0), index];
    const tensors = [
      ...this.levels.flatMap(({ oneHot, neighbourhoods: n }) => [oneHot, ...(n ? [n.index, anySize(n.inner, 0), ...table(n.windows)] : [])]),
      ...(this.entry ? table(this.entry) : []),
      ...Object.values(this.slots?.tensors ?? {}),
    ];
    if (!this.slots) throw new Error('a compiled function takes label maps prepared for it: see PyramidOptions.open');
    return { tensors, key: `${this.batch}x${this.height}x${this.width}, ${this.classes} classes` };
  }

  private level(height: number, width: number): LabelLevel {
    const codes = this.maps.map((m) => resizeLabelsCorner(m, [height, width]));
    const pixels = height * width;
    const all = new Int32Array(this.batch * pixels);
    codes.forEach((c, b) => all.set(c.data, b * pixels));
    const oneHot = tf.tidy(() =>
      // Classes beyond the depth (ignored) become rows of zeros.
      tf.keep(tf.oneHot(tf.tensor(all, [this.batch, height, width], 'int32'), this.classes, 1, 0, 'float32')),
    ) as tf.Tensor4D;
    if (this.slots && DENSE_FROM * height <= this.height) return { height, width, oneHot };
    const wide = distinctWindows(codes, this.classes, 5, 'outside');
    if (!this.slots && wide.count > DENSE_ABOVE * all.length) return { height, width, oneHot };
    const windows = distinctWindows(codes, this.classes, 3, 'outside');
    return {
      height,
      width,
      oneHot,
      neighbourhoods: {
        count: wide.count,
        index: tf.keep(tf.tensor1d(wide.index, 'int32')),
        windows: windowTable(windows, 3, this.present, this.classes),
        inner: tf.keep(tf.tensor1d(innerWindows(wide, windows, height, width), 'int32')),
      },
    };
  }
}

/** The numbers of the nine 3x3 windows in each 5x5 window; `inner.count` where one lies outside. */
function innerWindows(wide: LabelWindows, inner: LabelWindows, height: number, width: number): Int32Array {
  const out = new Int32Array(wide.count * 9);
  const done = new Uint8Array(wide.count);
  wide.index.forEach((u, i) => {
    if (done[u]) return;
    done[u] = 1;
    const y = Math.floor(i / width) % height;
    const x = i % width;
    for (let k = 0; k < 9; k++) {
      const dy = Math.floor(k / 3) - 1;
      const dx = (k % 3) - 1;
      const within = y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width;
      out[u * 9 + k] = within ? inner.index[i + dy * width + dx] : inner.count;
    }
  });
  return out;
}

function presentClasses(maps: readonly LabelMap[], classes: number): number[] {
  const seen = new Uint8Array(256);
  for (const { data } of maps) for (let i = 0; i < data.length; i++) seen[data[i]] = 1;
  const wrong = seen.findIndex((s, v) => s === 1 && v >= classes && v !== IGNORE);
  if (wrong >= 0) throw new UserError(`a label map holds the value ${wrong}; the classes go from 0 to ${classes - 1}`);
  return [...seen.keys()].filter((v) => seen[v] && v < classes);
}
