import assert from 'node:assert/strict';
import test from 'node:test';
import { assertNoLeak } from '../../../proof/testing/close';
import { labelMap } from '../../../proof/testing/toy';
import { IGNORE } from '../../data/types';
import { Parameters } from '../../layers/core/parameters';
import { STYLE_SIZE } from '../../layers/style';
import { StyleBank } from './style_bank';

const styleNumber = (k: number) => new Array<number>(STYLE_SIZE).fill(k);
/** Class 0 above a horizon, class 1 below it. */
const horizon = (row: number) => labelMap(100, 4, (y) => (y < row ? 0 : 1));

test('a label map gets the style of the scene that is laid out most like it; a seed chooses any', async () => {
  const p = new Parameters();
  const bank = new StyleBank(p, 3);
  assert.equal(bank.near(horizon(50)), undefined);
  assert.equal(bank.chosenBy(3), undefined);
  const rows = [10, 20, 30, 40, 50, 60, 70, 80, 90];
  bank.add(
    0,
    rows.map((row) => styleNumber(row)),
    rows.map(horizon),
  );
  const near = (row: number) => bank.near(horizon(row))![0];
  assert.deepEqual([near(52), near(8), near(64)], [50, 10, 60]);
  assert.deepEqual(
    [0, 1, 8, 9, 2 ** 32 - 1].map((seed) => bank.chosenBy(seed)![0]),
    // 2^32 - 1 is 3 more than a multiple of 9.
    [10, 20, 90, 10, 40],
  );
  // A half counts by what covers it: sky below and ground above is another layout than the other way round.
  bank.add(rows.length, [styleNumber(-1)], [labelMap(100, 4, (y) => (y < 50 ? 1 : 0))]);
  assert.equal(near(50), 50);
  assert.equal(bank.near(labelMap(20, 8, (y) => (y < 10 ? 1 : 0)))![0], -1);
  // Pixels of no class belong to none.
  assert.equal(bank.near(labelMap(100, 4, (y) => (y < 50 ? IGNORE : 1)))![0], 50);
  await assertNoLeak(() => {
    bank.add(3, [styleNumber(1)], [horizon(40)]);
    bank.near(horizon(1));
  });
  p.dispose();
});

test('the latest scenes take the place of the oldest, and are no concern of the optimiser', () => {
  const p = new Parameters();
  const bank = new StyleBank(p, 2);
  const [{ name, variable, trainable }] = p.entries();
  assert.equal(name, 'styles');
  assert.ok(!trainable);
  const [scenes] = variable.shape;
  bank.add(0, [styleNumber(1), styleNumber(2)], [horizon(50), horizon(30)]);
  assert.equal(bank.near(horizon(50))![0], 1);
  bank.add(scenes, [styleNumber(3)], [horizon(50)]);
  assert.deepEqual([bank.near(horizon(50))![0], bank.near(horizon(30))![0]], [3, 2]);
  p.dispose();
});
