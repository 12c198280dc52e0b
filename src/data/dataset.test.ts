import assert from 'node:assert/strict';
import { test } from 'node:test';
import { datasetOf, itemsOf, mapDataset, memoryPairs, readAll, readSome, spreadEvenly, subset } from './dataset';

const letters = memoryPairs(
  [...'abcdefg'].map((name) => ({ name })),
  'letters',
);
const names = (items: readonly { name: string }[]) => items.map((i) => i.name).join('');

test('items are read when asked for, in the order of the names', async () => {
  const asked: number[] = [];
  const squares = datasetOf('squares', ['0', '1', '4'], (i) => (asked.push(i), i * i));
  assert.deepEqual([squares.length, asked], [3, []]);
  assert.deepEqual([await squares.at(2), asked], [4, [2]]);
  for (const i of [-1, 3, 0.5]) await assert.rejects(squares.at(i), RangeError);
  assert.deepEqual(await readAll(mapDataset(squares, async (n) => n + 1)), [1, 2, 5]);
  const seen: number[] = [];
  for await (const n of itemsOf(squares)) seen.push(n);
  assert.deepEqual(seen, [0, 1, 4]);
});

test('parts of a data set', async () => {
  assert.equal(names(await readAll(subset(letters, [6, 0, 0]))), 'gaa');
  assert.throws(() => subset(letters, [7]), RangeError);
  assert.equal(names(await readAll(letters, 2)), 'ab');
  assert.equal(names(await readAll(letters, 99)), 'abcdefg');
  assert.equal(names(await readSome(letters, 3)), 'ace');
});

test('an even spread begins with the first, and ends with the last where asked', () => {
  const list = [...'abcdefg'];
  assert.equal(spreadEvenly(list, 3).join(''), 'ace');
  assert.equal(spreadEvenly(list, 3, true).join(''), 'adg');
  assert.equal(spreadEvenly(list, 1).join('') + spreadEvenly(list, 1, true).join(''), 'ag');
  for (const ends of [false, true]) {
    assert.equal(spreadEvenly(list, 9, ends).join(''), 'abcdefg');
    assert.equal(spreadEvenly(list, 0, ends).join('') + spreadEvenly([], 4, ends).join(''), '');
  }
});
