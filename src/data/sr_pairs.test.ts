import type { Size } from './types';
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../common/errors';
import { crashAt } from '../../proof/testing/crash';
import { labelTiles, photo, temporaryFolder } from '../../proof/testing/fixtures';
import sharp from 'sharp';
import { encodeJpeg, readImage, writeJpeg, writePng } from './image';
import { folderPairs, imageFolder } from './pairs';
import { resizeImage } from './resize';
import { constructSrDataset, halve, srFolder, srFolders, srPairsOf } from './sr_pairs';
import { memoryPairs } from './dataset';

const fails = (pattern: RegExp) => (e: unknown) => e instanceof UserError && pattern.test(e.message) && !e.message.includes('\n');
const list = (root: string, ...path: string[]) => readdirSync(join(root, ...path)).sort();

test('half and quarter of every photograph, the second from the saved file of the first', async (t) => {
  const root = temporaryFolder(t);
  const sizes: Record<string, Size> = { a: [64, 48], odd: [67, 49] };
  for (const [name, [w, h]] of Object.entries(sizes)) await writeJpeg(join(root, 'train', 'imgs', `${name}.jpg`), photo(w, h));
  await writeJpeg(join(root, 'val', 'imgs', 'v.jpg'), photo(32, 24));
  const seen: number[] = [];
  assert.deepEqual(await constructSrDataset(root, { onProgress: (n, of) => seen.push(n, of) }), { written: 3, skipped: 0 });
  assert.deepEqual(seen, [1, 3, 2, 3, 3, 3]);
  for (const [name, [w, h]] of Object.entries(sizes)) {
    const half = resizeImage(await readImage(join(root, 'train', 'imgs', `${name}.jpg`)), [h >> 1, w >> 1], 'bicubic');
    const high = join(root, 'train', 'imgs_lr', `${name}.jpg`);
    assert.deepEqual(readFileSync(high), await encodeJpeg(half));
    const quarter = halve(await readImage(high));
    assert.deepEqual([quarter.height, quarter.width], [h >> 2, w >> 2]);
    assert.deepEqual(readFileSync(join(root, 'train', 'imgs_lr_256', `${name}.jpg`)), await encodeJpeg(quarter));
  }
  assert.deepEqual(list(root, 'val', 'imgs_lr_256'), ['v.jpg']);

  const data = srFolder(join(root, 'train'));
  assert.deepEqual(data.names, ['a', 'odd']);
  const { low, high } = await data.at(1);
  // 67x49 -> 33x24 -> 16x12: the odd column of the high one is cut off.
  assert.deepEqual([low.width, low.height, high.width, high.height], [16, 12, 32, 24]);
  const whole = await readImage(join(root, 'train', 'imgs_lr', 'odd.jpg'));
  assert.deepEqual(high.data.subarray(31 * 3 * 2, 32 * 3), whole.data.subarray(31 * 3 * 2, 32 * 3));
  assert.deepEqual(high.data.subarray(96, 192), whole.data.subarray(99, 195));
});

test('a photograph that EXIF turns is as its pair has it: upright, or as stored where only that fits the label map', async (t) => {
  const root = temporaryFolder(t);
  const dir = join(root, 'train');
  for (const folder of ['imgs', 'labels']) mkdirSync(join(dir, folder), { recursive: true });
  const turned = await sharp(photo(24, 16).data, { raw: { width: 24, height: 16, channels: 3 } })
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toBuffer();
  for (const name of ['alone', 'stored', 'upright']) writeFileSync(join(dir, 'imgs', `${name}.jpg`), turned);
  await writePng(join(dir, 'labels', 'stored.png'), labelTiles(24, 16));
  await writePng(join(dir, 'labels', 'upright.png'), labelTiles(16, 24));
  await constructSrDataset(root);
  const sizes = await Promise.all(
    ['alone', 'stored', 'upright'].map(async (name) => {
      const { width, height } = await readImage(join(dir, 'imgs_lr', `${name}.jpg`));
      return [width, height];
    }),
  );
  assert.deepEqual(sizes, [
    [8, 12],
    [12, 8],
    [8, 12],
  ]);
  // Upright is what folderPairs gives, halved.
  rmSync(join(dir, 'imgs', 'alone.jpg'));
  const { image } = await folderPairs(dir).at(1);
  assert.deepEqual(readFileSync(join(dir, 'imgs_lr', 'upright.jpg')), await encodeJpeg(halve(image)));
});

test('an interrupted run is completed, finished files stay, changed photographs are made anew', async (t) => {
  const root = temporaryFolder(t);
  for (const [i, name] of ['a', 'b', 'c'].entries()) await writeJpeg(join(root, 'train', 'imgs', `${name}.jpg`), photo(32, 24, i));
  await constructSrDataset(root);
  const files = ['imgs_lr', 'imgs_lr_256'].flatMap((folder) => ['a', 'b', 'c'].map((name) => join(root, 'train', folder, `${name}.jpg`)));
  const before = files.map((file) => readFileSync(file));
  const times = files.map((file) => statSync(file).mtimeMs);
  assert.deepEqual(await constructSrDataset(root), { written: 0, skipped: 3 });

  rmSync(join(root, 'train', 'imgs_lr_256', 'a.jpg'));
  rmSync(join(root, 'train', 'imgs_lr', 'b.jpg'));
  writeFileSync(join(root, 'train', 'imgs_lr_256', 'c.jpg'), '');
  const old = join(root, 'train', 'imgs_lr', '.d.jpg.1-0.part');
  writeFileSync(old, 'half');
  utimesSync(old, 1, 1);
  assert.deepEqual(await constructSrDataset(root), { written: 3, skipped: 0 });
  assert.deepEqual(
    files.map((file) => readFileSync(file)),
    before,
  );
  assert.equal(statSync(files[0]).mtimeMs, times[0]);
  assert.deepEqual(list(root, 'train', 'imgs_lr'), ['a.jpg', 'b.jpg', 'c.jpg']);

  await writeJpeg(join(root, 'train', 'imgs', 'a.jpg'), photo(32, 24, 9));
  utimesSync(join(root, 'train', 'imgs', 'a.jpg'), Date.now() / 1000 + 5, Date.now() / 1000 + 5);
  assert.equal((await constructSrDataset(root)).written, 1);
  assert.notDeepEqual(readFileSync(files[0]), before[0]);
});

test('a run killed at any change of the disk is completed by the next, with the same files', async (t) => {
  const make = async () => {
    const root = temporaryFolder(t);
    for (const name of ['a', 'b']) await writeJpeg(join(root, 'train', 'imgs', `${name}.jpg`), photo(32, 24, name.charCodeAt(0)));
    return root;
  };
  const files = (root: string) =>
    ['imgs_lr', 'imgs_lr_256'].map((folder) =>
      list(root, 'train', folder)
        .filter((n) => !n.startsWith('.'))
        .map((n) => [n, readFileSync(join(root, 'train', folder, n), 'base64')]),
    );
  const whole = await make();
  await constructSrDataset(whole);
  let n = 0;
  for (; ; n++) {
    const root = await make();
    if (!(await crashAt(n, () => constructSrDataset(root, { concurrency: 1 })))) break;
    await constructSrDataset(root);
    assert.deepEqual(files(root), files(whole), `the kill at change ${n}`);
  }
  // Two photographs, two files of each, for which a folder, a part and a name are made, and a line of the record with its folder.
  assert.equal(n, 20);
});

test('a damaged photograph is named, and nothing half-written stays', async (t) => {
  const root = temporaryFolder(t);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await writeJpeg(join(root, 'train', 'imgs', `${name}.jpg`), photo(32, 24));
  const broken = join(root, 'train', 'imgs', 'c.jpg');
  writeFileSync(broken, readFileSync(broken).subarray(0, 700));
  await assert.rejects(constructSrDataset(root, { concurrency: 2 }), fails(/imgs\/c\.jpg: the image is truncated or damaged/));
  for (const folder of ['imgs_lr', 'imgs_lr_256']) {
    assert.ok(list(root, 'train', folder).every((name) => /^[a-f]\.jpg$/.test(name)));
  }
  await writeJpeg(broken, photo(1, 24));
  await assert.rejects(constructSrDataset(root), fails(/c\.jpg: 1x24 cannot be halved/));
});

test('folders that are missing or do not fit', async (t) => {
  const root = temporaryFolder(t);
  await assert.rejects(constructSrDataset(root), fails(/neither a folder "train" nor "val"/));
  await assert.rejects(constructSrDataset(root, { splits: ['none'] }), fails(/none: there is no such folder/));
  assert.throws(() => srFolder(root), fails(/imgs_lr_256: there is no such folder; `npm run construct-sr` makes it/));
  await writeJpeg(join(root, 'imgs_lr_256', 'a.jpg'), photo(8, 6));
  await writeJpeg(join(root, 'imgs_lr', 'b.jpg'), photo(8, 6));
  assert.throws(() => srFolder(root), fails(/imgs_lr_256\/a\.jpg has no partner/));
  await writeJpeg(join(root, 'imgs_lr', 'a.jpg'), photo(24, 12));
  await assert.rejects(srFolder(root).at(0), fails(/a\.jpg \(8x6\) and .*a\.jpg \(24x12\): the second is not twice the first/));
});

test('pairs in memory', async () => {
  const image = photo(33, 24);
  const { low, high } = await srPairsOf(memoryPairs([{ name: 'a', image, labels: { data: new Uint8Array(792), height: 24, width: 33 } }], 'm')).at(0);
  assert.deepEqual([low.width, low.height, high.width, high.height], [16, 12, 32, 24]);
  assert.deepEqual(low, halve(high));
  assert.deepEqual(high.data.subarray(0, 96), image.data.subarray(0, 96));
});

test('two folders in the same order of names are pairs; another number or size is named', async (t) => {
  const root = temporaryFolder(t);
  const write = (folder: string, name: string, w: number, h: number) => writeJpeg(join(root, folder, `${name}.jpg`), photo(w, h));
  await write('low', 'a_LR', 16, 12);
  await write('high', 'a_HR', 33, 24);
  const [low, high] = ['low', 'high'].map((folder) => imageFolder(join(root, folder)));
  const pair = await srFolders(low, high).at(0);
  assert.deepEqual([pair.name, pair.high.width, pair.high.height, pair.low.width], ['a_HR', 32, 24, 16]);
  await write('high', 'b_HR', 32, 24);
  assert.throws(() => srFolders(low, imageFolder(join(root, 'high'))), fails(/low holds 1 pictures and .*high 2/));
  await write('low', 'b_LR', 15, 12);
  await assert.rejects(
    srFolders(imageFolder(join(root, 'low')), imageFolder(join(root, 'high'))).at(1),
    fails(/b_LR \(15x12\).*b_HR \(32x24\): the second is not twice/),
  );
});
