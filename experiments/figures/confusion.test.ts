import assert from 'node:assert/strict';
import test from 'node:test';
import { assertNothingCut } from '../../proof/testing/figures';
import { CLASSES } from '../../src/classes';
import { confusionPlot } from './confusion';

test('confusion: shares of the rows, only classes that occur', async () => {
  const counts = CLASSES.map((_, r) => CLASSES.map((__, c) => (r === 1 && c === 1 ? 30 : r === 1 && c === 2 ? 10 : r === 2 && c === 2 ? 5 : 0)));
  const plot = confusionPlot(counts);
  const cells = plot.data[0] as { x: number[]; y: number[]; marker: { color: number[] } };
  assert.deepEqual(cells.marker.color, [75, 25, 0, 100]);
  assert.deepEqual([...cells.y], [0, 0, 1, 1]);
  await assertNothingCut(plot, 2);
});
