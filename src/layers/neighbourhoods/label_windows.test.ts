import assert from 'node:assert/strict';
import test from 'node:test';
import { IGNORE, type LabelMap } from '../../data/types';
import { normals } from '../../../proof/testing/close';
import { labelMap } from '../../../proof/testing/toy';
import { distinctWindows } from './label_windows';

const CLASSES = 29;
const IGNORED = CLASSES;
const OUTSIDE = CLASSES + 1;

/** Every pixel's window, by the definition. */
function windows(maps: readonly LabelMap[], size: number, border: 'outside' | 'reflect'): number[][] {
  const r = (size - 1) / 2;
  const mirrored = (i: number, n: number) => (i < 0 ? -i : i >= n ? 2 * n - 2 - i : i);
  return maps.flatMap(({ data, height, width }) =>
    Array.from(data, (_, i) => {
      const window: number[] = [];
      for (let dy = -r; dy <= r; dy++) {
        for (let dx = -r; dx <= r; dx++) {
          let [y, x] = [Math.floor(i / width) + dy, (i % width) + dx];
          if (border === 'reflect') [y, x] = [mirrored(y, height), mirrored(x, width)];
          const within = y >= 0 && y < height && x >= 0 && x < width;
          const label = within ? data[y * width + x] : OUTSIDE;
          window.push(label === IGNORE ? IGNORED : label);
        }
      }
      return window;
    }),
  );
}

const noise = (height: number, width: number, kinds: number, seed: number) => {
  const next = normals(seed);
  return labelMap(height, width, () => {
    const v = Math.floor(Math.abs(next()) * 1e6) % (kinds + 1);
    return v === kinds ? IGNORE : v;
  });
};

const MAPS: Record<string, LabelMap[]> = {
  'two regions': [labelMap(12, 17, (y, x) => (y > 4 + (x >> 2) ? 3 : 28))],
  'one class': [labelMap(9, 8, () => 5)],
  'noise of two classes and ignored pixels': [noise(16, 13, 2, 1)],
  'noise of all classes, two maps': [noise(10, 12, 29, 2), noise(10, 12, 29, 3)],
  'two maps that share windows': [labelMap(8, 9, (y) => (y < 4 ? 1 : 2)), labelMap(8, 9, (y) => (y < 3 ? 1 : 2))],
  'smaller than a window': [noise(2, 3, 3, 4), noise(2, 3, 1, 5)],
  'one pixel': [labelMap(1, 1, () => IGNORE)],
};

test('the distinct windows are those that text keys count, and each pixel finds its own', () => {
  for (const [name, maps] of Object.entries(MAPS)) {
    for (const size of [3, 5, 7]) {
      for (const border of ['outside', 'reflect'] as const) {
        if (border === 'reflect' && Math.min(maps[0].height, maps[0].width) < size) continue;
        const all = windows(maps, size, border);
        const found = distinctWindows(maps, CLASSES, size, border);
        const what = `${name}, ${size}x${size}, ${border}`;
        assert.equal(found.count, new Set(all.map((w) => w.join())).size, what);
        assert.equal(found.index.length, all.length);
        all.forEach((window, i) => {
          const u = found.index[i];
          assert.deepEqual([...found.codes.subarray(u * size * size, (u + 1) * size * size)], window, `${what}, pixel ${i}`);
        });
      }
    }
  }
  // One class alone: 5 rows by 5 columns of distances to the border.
  assert.equal(distinctWindows(MAPS['one class'], CLASSES, 5, 'outside').count, 25);
});
