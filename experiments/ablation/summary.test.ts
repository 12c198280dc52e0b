import assert from 'node:assert/strict';
import test from 'node:test';
import { UserError } from '../../src/common/errors';
import type { Measured } from './measure';
import type { RunResult } from './run';
import { ABLATION_DEFAULTS } from './settings';
import { momentsOf } from '../../src/metrics/moments';
import { meanText, verdictOf } from './statistics';
import { ablationFile, ablationMarkdown, ablationSentences } from './summary';

const info: Measured['info'] = {
  maskAccuracy: { name: 'mask accuracy', better: 'higher', by: 'a segmenter' },
  fid: { name: 'FID', better: 'lower', by: 'Inception' },
};
const run = (variant: string, group: RunResult['group'], seed: number, maskAccuracy: number, fid: number): RunResult => ({
  variant,
  group,
  seed,
  metrics: { maskAccuracy, fid },
  info,
  seconds: 10 * seed,
});
const runs = [
  run('baseline', 'baseline', 1, 0.6, 100),
  run('baseline', 'baseline', 2, 0.62, 104),
  run('baseline', 'baseline', 3, 0.64, 108),
  run('nearest + convolution', 'upsampling', 1, 0.61, 130),
  run('nearest + convolution', 'upsampling', 2, 0.63, 131),
  run('nearest + convolution', 'upsampling', 3, 0.65, 132),
  run('global only', 'branches', 1, 0.8, 90),
  run('global only', 'branches', 2, 0.81, 91),
  run('global only', 'branches', 3, 0.82, 92),
];

test('mean and deviation by hand; one value has none', () => {
  assert.deepEqual(momentsOf([2, 4, 6]), { mean: 4, deviation: 2 });
  assert.deepEqual(momentsOf([5]), { mean: 5, deviation: 0 });
  const values = [0.8, 0.81, 0.82];
  assert.equal(meanText({ values, ...momentsOf(values) }), '0.810 ± 0.010');
});

test('a difference inside of both spreads together is none, nor is one between single runs; the direction is that of the figure', () => {
  const at = (mean: number, deviation = 1, n = 3) => ({ mean, deviation, values: Array.from({ length: n }, () => mean) });
  assert.equal(verdictOf(at(12), at(10), 'higher'), 'within the spread');
  assert.equal(verdictOf(at(12.01), at(10), 'higher'), 'better');
  assert.equal(verdictOf(at(12.01), at(10), 'lower'), 'worse');
  assert.equal(verdictOf(at(7.9), at(10), 'lower'), 'better');
  assert.equal(verdictOf(at(20, 0, 1), at(10, 0, 1), 'higher'), 'one seed');
});

test('the table marks what stands beyond the spreads, the sentences say it, and what it was judged by is kept', () => {
  const references = { photographs: { metrics: { maskAccuracy: 0.9 }, info }, meanColours: { metrics: { maskAccuracy: 0.5, fid: 300 }, info } };
  // Finished in another order than the table's.
  const file = ablationFile('npm run ablation', ABLATION_DEFAULTS, [...runs.slice(3), ...runs.slice(0, 3)], references);
  assert.equal(
    ablationMarkdown(file),
    [
      '| variant | runs | mask accuracy ↑ | FID ↓ | seconds |',
      '| --- | --- | --- | --- | --- |',
      '| baseline | 3 | 0.620 ± 0.020 | 104.0 ± 4.0 | 20 |',
      '| nearest + convolution | 3 | 0.630 ± 0.020 | 131.0 ± 1.0 - | 20 |',
      '| global only | 3 | 0.810 ± 0.010 + | 91.0 ± 1.0 + | 20 |',
      '| (photographs) |  | 0.9 | – |  |',
      '| (mean colours) |  | 0.5 | 300 |  |',
    ].join('\n'),
  );
  assert.deepEqual(ablationSentences(file), [
    'nearest + convolution (upsampling), beside the baseline: worse in FID; within the spread in mask accuracy.',
    'global only (branches), beside the baseline: better in mask accuracy, FID.',
  ]);
  assert.equal(file.runs.length, 9);
  assert.equal(file.settings.seeds, 3);
  assert.deepEqual(file.metrics, info);
  assert.deepEqual(file.runs[3], { variant: 'nearest + convolution', group: 'upsampling', seed: 1, metrics: { maskAccuracy: 0.61, fid: 130 }, seconds: 10 });
});

test('runs of different judges are not put into one table', () => {
  const other = { ...runs[1], info: { ...info, fid: { ...info.fid!, by: 'own segmenter' } } };
  const references = { photographs: { metrics: {}, info: {} }, meanColours: { metrics: {}, info: {} } };
  assert.throws(
    () => ablationFile('', ABLATION_DEFAULTS, [runs[0], other], references),
    (e) => e instanceof UserError && /FID was judged by 'Inception' and by 'own segmenter'/.test(e.message),
  );
});
