import assert from 'node:assert/strict';
import test from 'node:test';
import { IGNORE } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { labelMap } from '../../proof/testing/toy';
import { classScoreAccuracy } from './class_score';

test('class score accuracy by hand: only classes that are present count, a tie is no hit', () => {
  const scores = [
    // Class 0 is taken for itself, class 1 for 2, class 2 is absent.
    [
      [3, 1, 2],
      [0, 1, 2],
      [9, 0, 0],
    ],
    // Class 2 alone is present, and ties with 0.
    [
      [0, 1, 0],
      [0, 1, 0],
      [5, 0, 5],
    ],
  ];
  const maps = [labelMap(1, 2, (_, x) => x), labelMap(1, 2, (_, x) => (x ? IGNORE : 2))];
  const metric = classScoreAccuracy(scores, maps);
  assert.equal(metric.value, 1 / 3);
  assert.deepEqual([metric.n, metric.sizes], [{ generated: 2 }, { generated: '1x2' }]);
  assert.throws(() => classScoreAccuracy([scores[0]], [labelMap(1, 2, () => IGNORE)]), UserError);
});
