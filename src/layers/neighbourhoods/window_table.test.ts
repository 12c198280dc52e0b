import test from 'node:test';
import { IGNORE, type LabelMap } from '../../data/types';
import { assertNoLeak } from '../../../proof/testing/close';
import { assertSame, labelMap, scatter } from '../../../proof/testing/toy';
import * as tf from '../../engine/tf';
import { Convolution } from '../core/convolution';
import { gatherRows } from '../core/rows';
import { LabelPyramid } from './label_pyramid';
import { Parameters } from '../core/parameters';
import { convolveTable } from './window_table';

const CLASSES = 6;
const MAPS: Record<string, LabelMap[]> = {
  'a scene': [labelMap(16, 20, (y, x) => (y < 5 + (x >> 3) ? 1 : x < 9 ? 0 : 4))],
  'one class': [labelMap(16, 16, () => 3)],
  'ignored pixels, two maps': [labelMap(18, 16, (y, x) => (x > 7 ? IGNORE : y < 6 ? 2 : 5)), labelMap(18, 16, (y) => (y < 6 ? 2 : 0))],
  'ignored pixels alone': [labelMap(16, 16, () => IGNORE)],
};

test('a convolution of reflected labels by its distinct windows has the values and gradients of the convolution', (t) => {
  const p = new Parameters();
  const conv = new Convolution(p, CLASSES, 7, { kernel: 7, padding: 3, paddingMode: 'reflect' });
  scatter(p.entries(), 5);
  for (const [name, maps] of Object.entries(MAPS)) {
    const labels = new LabelPyramid(maps, CLASSES, { factors: [1], entryKernel: 7 });
    const { entry } = labels;
    if (!entry) throw new Error(`${name}: expected a table`);
    const [{ height, width }] = maps;
    const found = assertSame(
      () => tf.reshape(gatherRows(convolveTable(entry, conv), entry.index), [maps.length, height, width, 7]),
      () => conv.apply(labels.at(height, width).oneHot),
      p.entries().map((e) => e.variable),
      // Sums of 49 numbers; the gradient sums some 500 of them.
      { value: 1e-6, gradient: 5e-6 },
    );
    t.diagnostic(`${name}: ${entry.oneHot.shape} value ${found.value.toExponential(1)}, gradient ${found.gradient.toExponential(1)}`);
    labels.dispose();
  }
  p.dispose();
});

test('no tensor is left', async () => {
  await assertNoLeak(() => new LabelPyramid(MAPS['a scene'], CLASSES, { factors: [1], entryKernel: 7 }).dispose());
});
