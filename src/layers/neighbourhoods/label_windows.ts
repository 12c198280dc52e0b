import { IGNORE, type LabelMap } from '../../data/types';

/** The distinct square windows of a batch of label maps, one around each pixel. */
export interface LabelWindows {
  count: number;
  /** For each pixel of the batch, row by row, the number of its window. [B*h*w] */
  index: Int32Array;
  /** The labels of each window, row by row; `classes` stands for ignored, `classes + 1` for outside. [count*size*size] */
  codes: Uint8Array;
}

/**
 * Finds them; windows are numbered in the order they first appear. The maps are of one size.
 * @param size side of a window, odd, at least 3
 * @param border what a window sees beyond the map: a code of its own, or the map reflected around its edge pixels
 */
export function distinctWindows(maps: readonly LabelMap[], classes: number, size: number, border: 'outside' | 'reflect'): LabelWindows {
  const [{ height, width }] = maps;
  const r = (size - 1) / 2;
  const [rows, columns] = [height + 2 * r, width + 2 * r];
  const padded = new Int32Array(maps.length * rows * columns);
  const across = Int32Array.from({ length: columns }, (_, x) => position(x - r, width, border));
  maps.forEach(({ data }, b) => {
    for (let y = 0; y < rows; y++) {
      const from = position(y - r, height, border);
      for (let x = 0; x < columns; x++) {
        const column = across[x];
        const label = from < 0 || column < 0 ? classes + 1 : data[from * width + column];
        padded[(b * rows + y) * columns + x] = label === IGNORE ? classes : label;
      }
    }
  });
  // Runs of `size` labels along a row get numbers, then runs of `size` such numbers down a column. Runs that wrap around an edge are never read.
  const ids = numberRuns(numberRuns(padded, size, 1), size, columns);
  const index = new Int32Array(maps.length * height * width);
  const renumbered = new Int32Array(padded.length).fill(-1);
  const first: number[] = [];
  let pixel = 0;
  for (let b = 0; b < maps.length; b++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0, at = (b * rows + y) * columns; x < width; x++, at++) {
        const id = ids[at];
        if (renumbered[id] < 0) renumbered[id] = first.push(at) - 1;
        index[pixel++] = renumbered[id];
      }
    }
  }
  const codes = new Uint8Array(first.length * size * size);
  first.forEach((at, u) => {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) codes[(u * size + y) * size + x] = padded[at + y * columns + x];
    }
  });
  return { count: first.length, index, codes };
}

function position(i: number, length: number, border: 'outside' | 'reflect'): number {
  if (i >= 0 && i < length) return i;
  return border === 'outside' ? -1 : i < 0 ? -i : 2 * length - 2 - i;
}

/** Numbers the runs of `n` values `stride` apart, by doubling: runs of 1, 2, 4, ..., put together to n. Equal runs get equal numbers. */
function numberRuns(values: Int32Array, n: number, stride: number): Int32Array {
  let doubled = values;
  let result: Int32Array | undefined;
  for (let length = 1, covered = 0; ; length *= 2) {
    if (n & length) {
      result = result ? numberPairs(result, doubled, covered * stride) : doubled;
      covered += length;
    }
    if (covered === n) return result!;
    doubled = numberPairs(doubled, doubled, length * stride);
  }
}

/** Numbers the pairs (a[i], b[i + offset]) in the order they first appear, through a hash table with open addressing. */
function numberPairs(a: Int32Array, b: Int32Array, offset: number): Int32Array {
  const n = a.length;
  const out = new Int32Array(n);
  const mask = 2 ** Math.ceil(Math.log2(2 * n)) - 1;
  const slots = new Int32Array(mask + 1).fill(-1);
  const firstOf = new Int32Array(n);
  let count = 0;
  for (let i = 0; i + offset < n; i++) {
    const left = a[i];
    const right = b[i + offset];
    // Inside of an area of one label nothing has to be looked up.
    if (i > 0 && left === a[i - 1] && right === b[i + offset - 1]) {
      out[i] = out[i - 1];
      continue;
    }
    let slot = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) & mask;
    for (;;) {
      const id = slots[slot];
      if (id < 0) {
        slots[slot] = count;
        firstOf[count] = i;
        out[i] = count++;
        break;
      }
      if (a[firstOf[id]] === left && b[firstOf[id] + offset] === right) {
        out[i] = id;
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return out;
}
