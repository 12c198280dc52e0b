import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import '../engine/tf';
import { UserError } from '../common/errors';
import { History, recordRow } from './history';

const folder = mkdtempSync(join(tmpdir(), 'history-'));
after(() => rmSync(folder, { recursive: true }));

test('rows come back exactly, gaps included', async () => {
  const file = join(folder, 'a.csv');
  const history = new History();
  assert.equal((await History.load(file)).length, 0);
  history.append({ G: 0.1 + 0.2, step: 1 });
  history.append({ step: 2, G: 1e-320, D: -1 / 3 });
  await history.save(file);
  assert.equal(readFileSync(file, 'utf8').split('\n')[0], 'step,G,D');
  const loaded = await History.load(file);
  assert.deepEqual(loaded.columns, ['step', 'G', 'D']);
  assert.deepEqual(loaded.row(0), { step: 1, G: 0.1 + 0.2 });
  assert.deepEqual(loaded.row(-1), { step: 2, G: 1e-320, D: -1 / 3 });
  assert.deepEqual(loaded.series('D'), { steps: [2], values: [-1 / 3] });
  assert.deepEqual(loaded.series('nothing'), { steps: [], values: [] });
  assert.deepEqual(readdirSync(folder), ['a.csv']);
});

test('later saves append; a new column writes the file anew', async () => {
  const file = join(folder, 'b.csv');
  const history = new History();
  history.append({ step: 1, G: 5 });
  await history.save(file);
  // A mark in the part that is already there shows whether it is written again.
  writeFileSync(file, readFileSync(file, 'utf8').replace('1,5', '1,55'));
  history.append({ step: 2, G: 6 });
  await history.save(file);
  await history.save(file);
  assert.equal(readFileSync(file, 'utf8'), 'step,G\n1,55\n2,6\n');
  history.append({ step: 3, fid: 100 });
  await history.save(file);
  assert.equal(readFileSync(file, 'utf8'), 'step,G,fid\n1,5,NaN\n2,6,NaN\n3,NaN,100\n');
});

test('a resumed run has the rows up to its step, and no cut line', async () => {
  const file = join(folder, 'c.csv');
  const history = new History();
  for (let step = 1; step <= 10; step++) history.append({ step, loss: step / 7 });
  await history.save(file);
  appendFileSync(file, '11,0.14');
  const resumed = await History.load(file, { upTo: 6 });
  assert.equal(resumed.length, 6);
  assert.equal(resumed.step, 6);
  resumed.append({ step: 7, loss: 70 });
  await resumed.save(file);
  const again = await History.load(file);
  assert.deepEqual(again.series('loss').values, [...[1, 2, 3, 4, 5, 6].map((s) => s / 7), 70]);
});

test('a data frame of danfojs has the same numbers', async () => {
  const history = new History();
  history.append({ step: 1, a: 2, b: 3 });
  history.append({ step: 2, a: 4, b: 6 });
  const frame = await history.toDataFrame();
  assert.deepEqual(frame.shape, [2, 3]);
  assert.deepEqual(frame.columns, ['step', 'a', 'b']);
  assert.equal(frame.column('b').mean(), 4.5);
});

test('what is not a history is refused', async () => {
  const file = join(folder, 'd.csv');
  for (const text of ['', 'a,b\n1,2\n', 'step,a\n1,2\n2,x\n', 'step,a\n1,2\n2\n', 'step,a\n2,2\n1,2\n', 'step,step\n1,1\n']) {
    writeFileSync(file, text);
    await assert.rejects(History.load(file), (e) => e instanceof UserError && e.message.includes(file), JSON.stringify(text));
  }
  const history = new History();
  history.append({ step: 3 });
  assert.throws(() => history.append({ step: 3 }), /step 3 comes after step 3/);
  assert.throws(() => history.append({ step: 4, 'a,b': 1 }), /no name for a column/);
  await assert.rejects(history.save(join(folder, 'nowhere', 'x.csv')), /was not written/);
});

test('a recorded row takes the place of those of its step and later ones', async () => {
  const file = join(folder, 'evaluation.csv');
  await recordRow(file, { step: 10, FID: 90 });
  await recordRow(file, { step: 20, FID: 80, maskAccuracy: 0.5 });
  await recordRow(file, { step: 30, FID: 70 });
  // A run that was resumed from step 15.
  await recordRow(file, { step: 20, FID: 81 });
  const table = await History.load(file);
  assert.deepEqual(table.series('FID'), { steps: [10, 20], values: [90, 81] });
  assert.equal(table.length, 2);
});
