import assert from 'node:assert/strict';
import test from 'node:test';
import { assertNoLeak } from '../../../proof/testing/close';
import { labelMap } from '../../../proof/testing/toy';
import { CLASS_NAMES } from '../../classes';
import { IGNORE } from '../../data/types';
import { Parameters } from '../../layers/core/parameters';
import { STYLE_SIZE } from '../../layers/style';
import { STYLES, StyleBank } from './style_bank';

const styleNumber = (k: number) => new Array<number>(STYLE_SIZE).fill(k);
/** Class 0 above a horizon, class 1 below it. */
const horizon = (row: number, [above, below] = [0, 1]) => labelMap(100, 4, (y) => (y < row ? above : below));

test('a label map is nearest to the scene that is laid out most like it', async () => {
  const p = new Parameters();
  const bank = new StyleBank(p, 3);
  assert.equal(bank.near(horizon(50)), undefined);
  assert.equal(bank.style(3), undefined);
  const rows = [10, 20, 30, 40, 50, 60, 70, 80, 90];
  bank.add(
    0,
    bank.rowsOf(
      rows.map((row) => styleNumber(row)),
      rows.map((row) => horizon(row)),
    ),
  );
  assert.deepEqual(
    [52, 8, 64].map((row) => bank.near(horizon(row))),
    [4, 0, 5],
  );
  assert.deepEqual(
    [0, 1, 8, 9, 2 ** 32 - 1].map((scene) => bank.style(scene)![0]),
    // 2^32 - 1 is 3 more than a multiple of 9.
    [10, 20, 90, 10, 40],
  );
  // A half counts by what covers it: sky below and ground above is another layout than the other way round.
  bank.add(rows.length, bank.rowsOf([styleNumber(-1)], [horizon(50, [1, 0])]));
  assert.equal(bank.near(horizon(50)), 4);
  assert.equal(bank.near(labelMap(20, 8, (y) => (y < 10 ? 1 : 0))), 9);
  assert.equal(bank.style(9)![0], -1);
  // Pixels of no class belong to none: half of the sky, all of the ground.
  const known = labelMap(100, 4, (y, x) => (y < 50 && x < 2 ? IGNORE : y < 50 ? 0 : 1));
  assert.deepEqual(
    [...bank.rowsOf([styleNumber(0)], [known])].slice(STYLE_SIZE).map((share) => Number(share.toFixed(5))),
    [0.5, 0, 0, 0, 1, 0],
  );
  await assertNoLeak(() => {
    bank.add(3, bank.rowsOf([styleNumber(1)], [horizon(40)]));
    bank.near(horizon(1));
    bank.style(2);
  });
  p.dispose();
});

test('the latest scenes take the place of the oldest, and are no concern of the optimiser', () => {
  const p = new Parameters();
  const bank = new StyleBank(p, 2);
  const [{ name, variable, trainable }] = p.entries();
  assert.equal(name, STYLES);
  assert.ok(!trainable);
  const [scenes] = variable.shape;
  bank.add(0, bank.rowsOf([styleNumber(1), styleNumber(2)], [horizon(50), horizon(30)]));
  bank.add(scenes, bank.rowsOf([styleNumber(3)], [horizon(70)]));
  assert.deepEqual([bank.style(0)![0], bank.style(1)![0], bank.style(2)![0]], [3, 2, 3]);
  assert.deepEqual([bank.near(horizon(69)), bank.near(horizon(31))], [0, 1]);
  p.dispose();
});

test('classes that are alike count as one: a lake has the light of a scene with as much sea', () => {
  const p = new Parameters();
  const bank = new StyleBank(p, CLASS_NAMES.length);
  const [sky, water, sea, lake, grass] = ['sky', 'water', 'sea', 'lake', 'grass'].map((n) => (CLASS_NAMES as readonly string[]).indexOf(n));
  bank.add(
    0,
    bank.rowsOf(
      [1, 2, 3].map((k) => styleNumber(k)),
      [horizon(40, [sky, grass]), horizon(50, [sky, sea]), horizon(40, [sky, IGNORE])],
    ),
  );
  assert.deepEqual(
    [horizon(40, [sky, lake]), horizon(40, [sky, water]), horizon(40, [sky, grass])].map((map) => bank.near(map)),
    [1, 1, 0],
  );
  p.dispose();
});
