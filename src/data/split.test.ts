import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync, type Dirent } from 'node:fs';
import promises from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { UserError } from '../common/errors';
import { crashAt } from '../../proof/testing/crash';
import { withMaterial } from '../../proof/testing/material';
import { temporaryFolder } from '../../proof/testing/fixtures';
import { chooseValidation, splitDataset, undoSplit } from './split';

const fails = (pattern: RegExp) => (e: unknown) => e instanceof UserError && pattern.test(e.message) && !e.message.includes('\n');

/** A data set of files that hold their own name: moving does not look inside. */
function fakeSet(t: TestContext, count: number): string {
  const root = temporaryFolder(t);
  for (const folder of ['imgs', 'labels']) mkdirSync(join(root, 'train', folder), { recursive: true });
  for (let i = 0; i < count; i++) {
    const name = String(i).padStart(5, '0');
    writeFileSync(join(root, 'train', 'imgs', `${name}.jpg`), `image ${name}`);
    writeFileSync(join(root, 'train', 'labels', `${name}.png`), `labels ${name}`);
  }
  return root;
}

const list = (root: string, ...path: string[]) => (existsSync(join(root, ...path)) ? readdirSync(join(root, ...path)).sort() : []);

/** All files are there once, in pairs, with their own content. */
function checkWhole(root: string, count: number): void {
  for (const [folder, kind] of [
    ['imgs', 'image'],
    ['labels', 'labels'],
  ]) {
    const files = ['train', 'val'].flatMap((split) => list(root, split, folder).map((name) => join(root, split, folder, name)));
    assert.equal(files.length, count);
    for (const file of files) assert.equal(readFileSync(file, 'utf8'), `${kind} ${/(\d+)\.\w+$/.exec(file)![1]}`);
  }
}

test('chooses the files that Python chooses and moves them with their label maps', async (t) => {
  // Python: random.seed(628); random.sample(['%05d.jpg' % i for i in range(57)], 5).
  const chosen = ['00056.jpg', '00025.jpg', '00005.jpg', '00035.jpg', '00046.jpg'];
  const root = fakeSet(t, 57);
  const done: number[] = [];
  const result = await splitDataset(root, { count: 5, seed: 628, onProgress: (n) => done.push(n) });
  assert.deepEqual(result.val, chosen);
  assert.equal(result.train.length, 52);
  assert.equal(result.changed, true);
  assert.deepEqual(done, [1, 2, 3, 4, 5]);
  assert.deepEqual(list(root, 'val', 'imgs'), [...chosen].sort());
  assert.deepEqual(list(root, 'val', 'labels'), chosen.map((n) => n.replace('jpg', 'png')).sort());
  checkWhole(root, 57);

  const again = await splitDataset(root, { count: 5, seed: 628 });
  assert.deepEqual({ ...again, changed: true }, result);
  assert.equal(again.changed, false);
  await assert.rejects(splitDataset(root, { count: 6 }), fails(/split\.json: a split of 5 pairs with seed 628 was made here/));
});

test('the golden lists, of the full size too', (t) => {
  const file = withMaterial(t, 'golden/split.json');
  if (!file) return;
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: { seed: number; n: number; k: number; sample?: string[] }[] };
  for (const { seed, n, k, sample } of cases) {
    if (!sample) continue;
    const names = Array.from({ length: n }, (_, i) => `${String(i).padStart(5, '0')}.jpg`);
    assert.deepEqual(chooseValidation(names, k, seed), sample);
  }
});

test('a run that was interrupted at any move is completed with the same result', async (t) => {
  const complete = fakeSet(t, 21);
  const expected = await splitDataset(complete, { count: 4 });
  const journal = JSON.parse(readFileSync(join(complete, 'split.json'), 'utf8'));
  for (let moved = 0; moved <= 8; moved++) {
    const root = fakeSet(t, 21);
    writeFileSync(join(root, 'split.json'), JSON.stringify({ ...journal, complete: false }));
    if (moved) ['imgs', 'labels'].forEach((folder) => mkdirSync(join(root, 'val', folder), { recursive: true }));
    for (let k = 0; k < moved; k++) {
      const { image, labels } = journal.moves[k >> 1];
      const [folder, name] = k % 2 ? ['labels', labels] : ['imgs', image];
      renameSync(join(root, 'train', folder, name), join(root, 'val', folder, name));
    }
    await assert.rejects(splitDataset(root, { count: 3 }), fails(/a split of 4 pairs .* was begun here; complete it/));
    assert.deepEqual(await splitDataset(root, { count: 4 }), expected);
    assert.deepEqual(list(root, 'val', 'imgs'), list(complete, 'val', 'imgs'));
    checkWhole(root, 21);
  }
});

/** Everything below a folder, by path, hidden files of a killed writer aside. */
function contents(root: string): Record<string, string> {
  const files = (readdirSync(root, { recursive: true, withFileTypes: true }) as Dirent[]).filter((e) => e.isFile() && !/^\.|\.part$/.test(e.name));
  return Object.fromEntries(
    files.map((e) => [join(e.parentPath ?? e.path, e.name).slice(root.length), readFileSync(join(e.parentPath ?? e.path, e.name), 'utf8')]),
  );
}

for (const device of ['same', 'other'] as const) {
  test(`a split killed at any change of the disk is completed, or undone, by the next call (val on the ${device} disk)`, async (t) => {
    if (device === 'other') {
      const { rename } = promises;
      promises.rename = async (from, to) => {
        if (/\/(imgs|labels)\/\d+\./.test(String(from))) throw Object.assign(new Error('EXDEV'), { code: 'EXDEV' });
        return rename(from, to);
      };
      t.after(() => (promises.rename = rename));
    }
    const [whole, split] = [fakeSet(t, 9), fakeSet(t, 9)];
    const before = contents(whole);
    await splitDataset(split, { count: 2 });
    const after = contents(split);
    let crashes = 0;
    for (let n = 0; ; n++) {
      const [one, two] = [fakeSet(t, 9), fakeSet(t, 9)];
      if (!(await crashAt(n, () => splitDataset(one, { count: 2 })))) break;
      crashes++;
      await splitDataset(one, { count: 2 });
      assert.deepEqual(contents(one), after, `completed after the kill at change ${n}`);
      await crashAt(n, () => splitDataset(two, { count: 2 }));
      if (existsSync(join(two, 'split.json'))) await undoSplit(two);
      assert.deepEqual(contents(two), before, `undone after the kill at change ${n}`);
    }
    for (let n = 0; ; n++) {
      const root = fakeSet(t, 9);
      await splitDataset(root, { count: 2 });
      if (!(await crashAt(n, () => undoSplit(root)))) break;
      crashes++;
      if (existsSync(join(root, 'split.json'))) {
        if (JSON.parse(readFileSync(join(root, 'split.json'), 'utf8')).undoing)
          await assert.rejects(splitDataset(root, { count: 2 }), fails(/half undone; complete that/));
        assert.equal(await undoSplit(root), 2);
      }
      assert.deepEqual(contents(root), before, `undone by two calls, the first killed at change ${n}`);
      assert.ok(!existsSync(join(root, 'val')));
    }
    t.diagnostic(`${crashes} kills`);
    assert.ok(crashes > 15);
  });
}

test('undoing: nothing to undo, and what else is in val stays', async (t) => {
  const root = fakeSet(t, 9);
  await assert.rejects(undoSplit(root), fails(/split\.json: there is no such record/));
  await splitDataset(root, { count: 2 });
  writeFileSync(join(root, 'val', 'labels', 'note.txt'), 'mine');
  await undoSplit(root);
  assert.deepEqual(list(root, 'val', 'labels'), ['note.txt']);
  // And it can be split anew, otherwise.
  assert.equal((await splitDataset(root, { count: 3, seed: 1 })).val.length, 3);
});

test('nothing is lost or overwritten', async (t) => {
  const root = fakeSet(t, 21);
  const journal = { seed: 628, count: 1, complete: false, moves: [{ image: '00003.jpg', labels: '00003.png' }] };
  writeFileSync(join(root, 'split.json'), JSON.stringify(journal));
  mkdirSync(join(root, 'val', 'imgs'), { recursive: true });
  writeFileSync(join(root, 'val', 'imgs', '00003.jpg'), 'something else');
  await assert.rejects(splitDataset(root, { count: 1 }), fails(/val\/imgs\/00003\.jpg: another file of this name is there/));
  assert.equal(list(root, 'train', 'imgs').length, 21);
  // A copy to another disk that ended before its source was removed.
  writeFileSync(join(root, 'val', 'imgs', '00003.jpg'), 'image 00003');
  await splitDataset(root, { count: 1 });
  checkWhole(root, 21);

  for (const file of [join(root, 'val', 'imgs'), join(root, 'val', 'labels')]) rmSync(file, { recursive: true });
  writeFileSync(join(root, 'split.json'), JSON.stringify(journal));
  await assert.rejects(splitDataset(root, { count: 1 }), fails(/train\/imgs\/00003\.jpg: the file is gone/));
});

test('what cannot be split is refused before anything moves', async (t) => {
  const root = fakeSet(t, 6);
  await assert.rejects(splitDataset(join(root, 'none')), fails(/none\/train: there is no such folder/));
  await assert.rejects(splitDataset(root, { count: 6 }), fails(/holds 6 photographs; 6 of them cannot be moved/));
  await assert.rejects(splitDataset(root, { count: 0 }), UserError);
  rmSync(join(root, 'train', 'labels', '00002.png'));
  await assert.rejects(splitDataset(root, { count: 1 }), fails(/00002\.jpg has no label map/));
  writeFileSync(join(root, 'train', 'labels', '00002.png'), 'labels 00002');
  mkdirSync(join(root, 'val', 'imgs'), { recursive: true });
  writeFileSync(join(root, 'val', 'imgs', 'x.jpg'), '');
  await assert.rejects(splitDataset(root, { count: 1 }), fails(/val\/imgs: there are files in it, but no split\.json/));
  writeFileSync(join(root, 'split.json'), '{"moves": [{"image": "../../x", "labels": "y"}], "count": 1, "seed": 628, "complete": false}');
  await assert.rejects(splitDataset(root, { count: 1 }), fails(/split\.json: this is not the record of a split/));
  assert.equal(list(root, 'train', 'imgs').length, 6);
});
