import assert from 'node:assert/strict';
import test from 'node:test';
import { History } from '../../src/training/history';
import { evaluationCurves } from './evaluation_curves';
import { assertNothingCut } from '../../proof/testing/figures';

test('a panel for each measure that is there, the best value of each marked', async () => {
  const table = new History();
  table.append({ step: 100, FID: 90, maskAccuracy: 0.3 });
  table.append({ step: 200, FID: 70 });
  table.append({ step: 300, FID: 80, maskAccuracy: 0.25 });
  const plot = evaluationCurves(table, { marks: [{ x: 250, label: 'stage 2' }] });
  const traces = plot.data as unknown as { name: string; x: number[]; y: number[]; yaxis: string }[];
  assert.deepEqual(
    traces.map(({ name, x, y, yaxis }) => [name, x, y, yaxis]),
    [
      ['FID', [100, 200, 300], [90, 70, 80], 'y'],
      ['best', [200], [70], 'y'],
      ['mask accuracy (share of pixels)', [100, 300], [0.3, 0.25], 'y2'],
      ['best', [100], [0.3], 'y2'],
    ],
  );
  assert.equal((plot.layout.yaxis?.title as { text: string }).text, 'FID<br><i>lower is better</i>');
  await assertNothingCut(plot, 2);
  assert.throws(() => evaluationCurves(new History()), /none of the columns FID/);
  const one = new History();
  one.append({ step: 1, psnrY: 30 });
  await assertNothingCut(evaluationCurves(one), 2);
});
