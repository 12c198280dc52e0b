import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { UserError } from '../../src/common/errors';
import { checkData } from './check';
import { labelTiles, photo, temporaryFolder, writePairs } from '../../proof/testing/fixtures';
import { readImage, writeJpeg, writePng } from '../../src/data/image';
import { folderPairs } from '../../src/data/pairs';

test('a good set has no faults; classes are counted over all its folders', async (t) => {
  const dir = temporaryFolder(t);
  await writePairs(join(dir, 'train'), ['a', 'b', 'c']);
  // Other photos: those of the first folder would be duplicates.
  await writeJpeg(join(dir, 'val', 'imgs', 'd.jpg'), photo(16, 12, 99));
  await writePng(join(dir, 'val', 'labels', 'd.png'), { data: new Uint8Array(192).fill(28), width: 16, height: 12 });
  await writePng(join(dir, 'testA', 'labels', 'e.png'), { data: new Uint8Array(192).fill(28), width: 16, height: 12 });
  writeFileSync(join(dir, 'split.json'), '{}');
  const seen: number[] = [];
  const { faults, pairs, labelsOnly, classes, sizes } = await checkData(dir, { onProgress: (done, total) => seen.push(done, total) });
  assert.deepEqual(faults, []);
  assert.deepEqual([pairs, labelsOnly, sizes], [4, 1, { '16x12': 4 }]);
  const other = [0, 1, 2].filter((i) => labelTiles(16, 12, i).data.includes(28)).length;
  assert.deepEqual([classes[28].name, classes[28].maps], ['other', 2 + other]);
  assert.ok(Math.abs(classes.reduce((sum, c) => sum + c.share, 0) - 1) < 1e-12);
  assert.deepEqual(seen.slice(-2), [5, 5]);
});

test('every fault is listed by its kind', async (t) => {
  const dir = temporaryFolder(t);
  const [image, label] = [(n: string) => join(dir, 'imgs', n), (n: string) => join(dir, 'labels', n)];
  await writePairs(dir, ['good', 'cut', 'empty', 'size', 'alone', 'colours', 'jpeg', 'values', 'wide', 'copy', 'grey']);
  writeFileSync(image('cut.jpg'), readFileSync(image('cut.jpg')).subarray(0, 500));
  writeFileSync(label('empty.png'), '');
  await writePng(label('size.png'), labelTiles(16, 13));
  await writePng(label('nobody.png'), labelTiles(16, 12));
  writeFileSync(image('only.JPG'), readFileSync(image('alone.jpg')));
  await writePng(label('colours.png'), photo(16, 12));
  writeFileSync(label('jpeg.png'), readFileSync(image('good.jpg')));
  await writePng(label('values.png'), { ...labelTiles(16, 12), data: new Uint8Array(192).fill(29, 0, 5).fill(254, 5, 8).fill(255, 8, 24) });
  writeFileSync(
    label('wide.png'),
    await sharp(new Uint16Array(192).fill(300, 0, 1), { raw: { width: 16, height: 12, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer(),
  );
  copyFileSync(image('good.jpg'), image('copy.jpg'));
  await writeJpeg(image('grey.jpg'), { width: 16, height: 12, data: new Uint8Array(576).map((_, i) => Math.floor(i / 3)) });
  await writePng(image('good.png'), photo(16, 12, 77));
  writeFileSync(label('Thumbs.db'), 'x');
  const { faults, counts, unlabelled } = await checkData(dir);
  assert.equal(unlabelled.maps, 1);
  const got = faults.map(({ kind, file, what }) => `${kind} ${file.slice(dir.length + 1)} ${what.replaceAll(`${dir}/`, '')}`);
  const expected: [string, RegExp][] = [
    ['unreadable imgs/cut.jpg', /truncated or damaged/],
    ['unreadable labels/empty.png', /empty \(0 bytes\)/],
    ['partner imgs/only.JPG', /has no label map in labels/],
    ['partner labels/nobody.png', /has no photo in imgs/],
    ['size imgs/size.jpg', /is 16x12, its label map labels\/size\.png 16x13/],
    ['channels labels/colours.png', /holds colours/],
    ['channels labels/jpeg.png', /has to be a PNG, and this is JPEG/],
    ['values labels/values.png', /holds 29 \(5 pixels\), 254 \(3 pixels\); the last class is 28/],
    ['values labels/wide.png', /holds 300 \(1 pixels\)/],
    ['twice imgs/good.png', /has the name of imgs\/good\.jpg/],
    ['duplicate imgs/good.jpg', /is the same as imgs\/copy\.jpg/],
    ['duplicate imgs/only.JPG', /is the same as imgs\/alone\.jpg/],
    ['grey imgs/grey.jpg', /has no colour/],
    ['stray labels/Thumbs.db', /does not end with \.png/],
  ];
  assert.equal(got.length, expected.length, got.join('\n'));
  expected.forEach(([start, what], i) => {
    assert.ok(got[i].startsWith(start), `${got[i]} instead of ${start}`);
    assert.match(got[i], what);
  });
  assert.equal(counts.values, 2);
  // With a mapping other values and colours are in order, and what it does not list is a fault.
  const colours = (
    await checkData(dir, {
      mapping: {
        name: 'x',
        kind: 'values',
        classes: new Map([
          [29, 1],
          [254, 1],
          [255, 1],
          [0, 0],
        ]),
      },
    })
  ).faults;
  assert.ok(!colours.some((f) => f.kind === 'values' && f.file.endsWith('values.png')));
  assert.match(colours.find((f) => f.file.endsWith('good.png') && f.kind === 'values')!.what, /not listed in the mapping "x"/);
});

test('photos that a camera has turned fit the label map that was drawn upright, and the one made of their stored pixels', async (t) => {
  const dir = temporaryFolder(t);
  for (const folder of ['imgs', 'labels']) mkdirSync(join(dir, folder));
  const stored = await sharp(photo(24, 16).data, { raw: { width: 24, height: 16, channels: 3 } })
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toBuffer();
  for (const name of ['upright', 'stored']) writeFileSync(join(dir, 'imgs', `${name}.jpg`), stored);
  await writePng(join(dir, 'labels', 'upright.png'), labelTiles(16, 24));
  await writePng(join(dir, 'labels', 'stored.png'), labelTiles(24, 16));
  const { faults, turned } = await checkData(dir);
  assert.deepEqual(
    faults.map((f) => f.kind),
    ['duplicate'],
  );
  assert.deepEqual(turned, { photos: 2, asStored: 1 });
  const pairs = folderPairs(dir);
  const [asStored, asSeen] = [await pairs.at(0), await pairs.at(1)];
  assert.deepEqual(asStored.image, await readImage(join(dir, 'imgs', 'stored.jpg'), { orient: false }));
  assert.deepEqual([asSeen.image.width, asSeen.image.height], [16, 24]);
});

test('a folder that is none is one sentence', async (t) => {
  const dir = temporaryFolder(t);
  const fails = (pattern: RegExp) => (e: unknown) => e instanceof UserError && pattern.test(e.message);
  await assert.rejects(checkData(join(dir, 'none')), fails(/none: there is no such folder/));
  await assert.rejects(checkData(dir), fails(/there is no folder "labels" in it or one below/));
});
