import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../common/errors';
import { withMaterial } from '../../proof/testing/material';
import { labelTiles, photo, temporaryFolder, writePairs } from '../../proof/testing/fixtures';
import { readImage, writeJpeg, writePng } from './image';
import { folderPairs, imageFolder, labelFolder } from './pairs';
import { memoryPairs, subset } from './dataset';

const fails = (pattern: RegExp) => (e: unknown) => e instanceof UserError && pattern.test(e.message) && !e.message.includes('\n');

test('the landscape layout: stems in sorted order, pairs read when asked for', async (t) => {
  const dir = temporaryFolder(t);
  await writePairs(dir, ['b', 'a_1', 'a']);
  writeFileSync(join(dir, 'imgs', '.hidden.jpg'), '');
  const data = folderPairs(dir);
  assert.deepEqual(data.names, ['a', 'a_1', 'b']);
  assert.equal(data.length, 3);
  assert.equal(data.source, dir);
  const pair = await data.at(2);
  assert.equal(pair.name, 'b');
  assert.deepEqual(pair.labels, labelTiles(16, 12, 0));
  assert.deepEqual(pair.image, await readImage(join(dir, 'imgs', 'b.jpg')));
  assert.equal(folderPairs(dir, { limit: 2 }).length, 2);
  await assert.rejects(data.at(3), RangeError);

  renameSync(join(dir, 'imgs'), join(dir, 'images'));
  assert.equal(folderPairs(dir).length, 3);
  assert.equal(folderPairs({ images: join(dir, 'images'), labels: join(dir, 'labels') }).length, 3);
  assert.throws(() => folderPairs(dir, { limit: 0 }), fails(/limit/));
});

test('suffixes of other data sets', async (t) => {
  const dir = temporaryFolder(t);
  await writeJpeg(join(dir, 'images', 'x_photo.jpg'), photo(4, 3));
  await writePng(join(dir, 'labels', 'x_L.png'), labelTiles(4, 3));
  await writePng(join(dir, 'labels', 'x_instances.png'), labelTiles(4, 3));
  const data = folderPairs(dir, { imageSuffix: '_photo', labelSuffix: '_L' });
  assert.deepEqual(data.names, ['x']);
  assert.equal((await data.at(0)).labels.width, 4);
  assert.throws(() => folderPairs(dir, { imageSuffix: '_none' }), fails(/whose name ends with "_none"/));
});

test('missing folders and partners, empty folders, doubled names', async (t) => {
  const dir = temporaryFolder(t);
  assert.throws(() => folderPairs(join(dir, 'none')), fails(/none: there is no such folder/));
  assert.throws(() => folderPairs(dir), fails(/no folder "imgs" in it \(it is empty\)/));
  await writePairs(dir, ['a', 'b']);
  rmSync(join(dir, 'labels', 'b.png'));
  assert.throws(() => folderPairs(dir), fails(/imgs\/b\.jpg has no label map .*labels\/b\.png; add it/));
  rmSync(join(dir, 'imgs', 'b.jpg'));
  await writePng(join(dir, 'labels', 'c.png'), labelTiles(16, 12));
  assert.throws(() => folderPairs(dir), fails(/labels\/c\.png has no photograph .*imgs\/c\.jpg; add it/));
  rmSync(join(dir, 'labels', 'c.png'));
  copyFileSync(join(dir, 'imgs', 'a.jpg'), join(dir, 'imgs', 'a.jpeg'));
  assert.throws(() => folderPairs(dir), fails(/share one name/));
  rmSync(join(dir, 'imgs', 'a.jpeg'));
  rmSync(join(dir, 'labels'), { recursive: true });
  assert.throws(() => folderPairs(dir), fails(/no folder "labels" in it \(it holds imgs\)/));
  mkdirSync(join(dir, 'labels'));
  assert.throws(() => folderPairs(dir), fails(/labels: there are no label maps; the folder is empty/));
  writeFileSync(join(dir, 'labels', 'a.jpg'), 'x');
  assert.throws(() => folderPairs(dir), fails(/there are no label maps; none of its 1 entries \(\.jpg\) ends with \.png/));
});

test('a pair of two sizes names both files; damaged files and wrong labels name theirs', async (t) => {
  const dir = temporaryFolder(t);
  await writePairs(dir, ['a', 'b', 'c']);
  await writePng(join(dir, 'labels', 'a.png'), labelTiles(8, 6));
  writeFileSync(join(dir, 'imgs', 'b.jpg'), '');
  const labels = labelTiles(16, 12);
  labels.data[17] = 200;
  await writePng(join(dir, 'labels', 'c.png'), labels);
  const data = folderPairs(dir);
  await assert.rejects(data.at(0), fails(/imgs\/a\.jpg is 16x12 and its label map .*labels\/a\.png is 8x6/));
  await assert.rejects(data.at(1), fails(/imgs\/b\.jpg: the file is empty \(0 bytes\)/));
  await assert.rejects(data.at(2), fails(/labels\/c\.png: the value 200 \(column 1, row 1\) is no class/));
});

test('label maps and pictures alone', async (t) => {
  const dir = temporaryFolder(t);
  await writePairs(dir, ['b', 'a']);
  for (const folder of [dir, join(dir, 'labels')]) {
    const data = labelFolder(folder);
    assert.deepEqual(data.names, ['a', 'b']);
    assert.deepEqual(await data.at(1), { name: 'b', labels: labelTiles(16, 12, 0) });
  }
  for (const folder of [dir, join(dir, 'imgs')]) assert.equal((await imageFolder(folder).at(0)).image.width, 16);
  assert.equal(imageFolder(dir, { limit: 1 }).length, 1);
  mkdirSync(join(dir, 'empty'));
  assert.throws(() => labelFolder(join(dir, 'empty')), fails(/empty: there are no label maps; the folder is empty/));
  assert.throws(() => imageFolder(join(dir, 'empty')), fails(/there are no pictures/));
});

test('subsets and pairs in memory', async () => {
  const pairs = ['a', 'b', 'c'].map((name) => ({ name, image: photo(4, 3), labels: labelTiles(4, 3) }));
  const data = memoryPairs(pairs, 'memory');
  const part = subset(data, [2, 0]);
  assert.deepEqual(part.names, ['c', 'a']);
  assert.equal(await part.at(1), pairs[0]);
  await assert.rejects(part.at(2), RangeError);
  assert.throws(() => subset(data, [3]), RangeError);
});

test("the contest's label maps", async (t) => {
  const dir = withMaterial(t, 'data/contest_labels');
  if (!dir) return;
  const data = labelFolder(dir);
  assert.equal(data.length, 8);
  for (let i = 0; i < data.length; i++) {
    const { labels } = await data.at(i);
    assert.deepEqual([labels.height, labels.width], [384, 512]);
  }
});
