import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLASS_NAMES, NUM_CLASSES } from '../../classes';
import { UserError } from '../../common/errors';
import { temporaryFolder } from '../../../proof/testing/fixtures';
import { readImage } from '../image';
import { readLabelMap } from '../label_map';
import { folderPairs } from '../pairs';
import { resizeLabels } from '../resize';
import { compose } from './compositions';
import { landscapes, renderLandscape, writeLandscapes } from './index';

const digest = (index: number, height: number, width: number): string => {
  const { image, labels } = renderLandscape({ seed: 628, index, height, width });
  return createHash('sha256').update(image.data).update(labels.data).digest('hex').slice(0, 16);
};

test('the same bytes for the same seed: on this machine, and as they were when the version was fixed', () => {
  // The checksums were taken on Node 20 and are the same on Node 22 and 24. New pictures need a new LANDSCAPE_VERSION.
  const expected: Record<number, string> = {
    0: 'bb853d1581d5d5cd',
    1: '219c8f85e82a1d30',
    2: 'dd2ea11adf7eb7cd',
    3: 'c21b3b05a8173a0b',
    4: 'd35e62d1e47e0890',
    5: '785381827c71b83f',
    13: 'd86b227526fd0533',
    14: '820cd0be2bb8078c',
    21: '796b96de360f0f5a',
  };
  for (const [index, sum] of Object.entries(expected)) {
    assert.equal(digest(Number(index), 96, 128), sum, `landscape ${index}`);
  }
  assert.equal(digest(0, 96, 128), expected[0]);
  const a = renderLandscape({ seed: 1, index: 0, height: 48, width: 64 });
  const b = renderLandscape({ seed: 2, index: 0, height: 48, width: 64 });
  assert.notDeepEqual(a.image, b.image);
});

test('no function is used whose last bit an engine may choose', () => {
  const exact = new Set(['floor', 'ceil', 'sqrt', 'min', 'max', 'imul']);
  for (const file of readdirSync(__dirname)) {
    if (file.endsWith('.test.ts')) continue;
    const code = readFileSync(join(__dirname, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, name] of code.matchAll(/Math\.(\w+)/g)) assert.ok(exact.has(name), `${file} uses Math.${name}`);
    assert.ok(!/\w \*\* \w/.test(code), `${file} uses **`);
  }
});

test('the composition does not change with the size', () => {
  for (let index = 20; index < 24; index++) {
    const small = renderLandscape({ seed: 628, index, height: 192, width: 256 }).labels;
    const large = resizeLabels(renderLandscape({ seed: 628, index, height: 384, width: 512 }).labels, [192, 256]);
    const same = small.data.reduce((n, c, p) => n + (c === large.data[p] ? 1 : 0), 0) / small.data.length;
    assert.ok(same > 0.95, `landscape ${index}: ${same}`);
  }
});

test('all 29 classes come up within 60 scenes of one series, and labels are classes', () => {
  const seen = new Set<number>();
  let index = 0;
  for (; index < 60 && seen.size < NUM_CLASSES; index++) {
    const { labels } = renderLandscape({ seed: 3, index, height: 48, width: 64 });
    const counts = new Uint32Array(256);
    for (const c of labels.data) counts[c]++;
    counts.forEach((n, c) => n > 2 && seen.add(c));
  }
  const missing = CLASS_NAMES.filter((_, c) => !seen.has(c));
  assert.deepEqual(missing, []);
  assert.deepEqual(
    [...seen].sort((a, b) => a - b),
    Array.from({ length: NUM_CLASSES }, (_, c) => c),
  );
});

test('sky above, water below: the mean row of a class is where one expects it', () => {
  const rows = new Map<number, [sum: number, count: number]>();
  for (let index = 0; index < 24; index++) {
    const { labels } = renderLandscape({ seed: 628, index, height: 48, width: 64 });
    labels.data.forEach((c, p) => {
      const [sum, count] = rows.get(c) ?? [0, 0];
      rows.set(c, [sum + Math.floor(p / 64) / 48, count + 1]);
    });
  }
  const mean = (name: string): number => {
    const [sum, count] = rows.get(CLASS_NAMES.indexOf(name))!;
    return sum / count;
  };
  assert.ok(mean('sky') < 0.3);
  assert.ok(mean('mountain') > mean('sky') && mean('mountain') < 0.55);
  for (const name of ['sea', 'water', 'grass', 'sand', 'earth', 'rock'])
    assert.ok(mean(name) > 0.6, `${name}: ${mean(name)}`);
});

test('not coloured bands: within a class, neighbours along a row differ, and outlines are not level', () => {
  let level = 0;
  let outlines = 0;
  for (let index = 0; index < 8; index++) {
    const { image, labels } = renderLandscape({ seed: 628, index, height: 192, width: 256 });
    const spread = new Map<number, { difference: number; pairs: number }>();
    for (let y = 0; y < 192; y++) {
      for (let x = 0; x + 4 < 256; x++) {
        const p = y * 256 + x;
        const c = labels.data[p];
        if (labels.data[p + 4] !== c) continue;
        const s = spread.get(c) ?? { difference: 0, pairs: 0 };
        s.difference += Math.abs(image.data[p * 3 + 1] - image.data[p * 3 + 13]);
        s.pairs++;
        spread.set(c, s);
      }
    }
    for (const [c, s] of spread) {
      // Sky and still water may be almost even; everything on land has a texture.
      const floor = ['sky', 'water', 'lake', 'sea', 'river'].includes(CLASS_NAMES[c]) ? 0.2 : 1;
      if (s.pairs > 500)
        assert.ok(s.difference / s.pairs > floor, `${index} ${CLASS_NAMES[c]}: ${s.difference / s.pairs}`);
    }
    // Where the sky ends, column by column.
    const ends: number[] = [];
    for (let x = 0; x < 256; x++) {
      let y = 0;
      while (y < 192 && labels.data[y * 256 + x] === 1) y++;
      ends.push(y);
    }
    outlines++;
    if (new Set(ends).size < 6) level++;
  }
  assert.ok(level / outlines < 0.25, `${level} of ${outlines} horizons are level`);
});

test('a scene is composed without knowing its size, in all compositions', () => {
  const found = new Set<string>();
  for (let i = 0; i < 200; i++) found.add(compose(628, i).composition);
  assert.ok(found.size >= 15, [...found].join());
});

test('as a data set: lazy, named, refused in one sentence where it cannot be', async () => {
  const data = landscapes({ count: 3, height: 24, width: 32 });
  assert.deepEqual(data.names, ['landscape_00001', 'landscape_00002', 'landscape_00003']);
  assert.deepEqual(await data.at(1), renderLandscape({ seed: 628, index: 1, height: 24, width: 32 }));
  const later = landscapes({ count: 2, start: 1, height: 24, width: 32 });
  assert.deepEqual(await later.at(0), await data.at(1));
  await assert.rejects(data.at(3), RangeError);
  assert.throws(() => landscapes({ count: -1, height: 24, width: 32 }), UserError);
  assert.throws(() => landscapes({ count: 1, height: 24.5, width: 32 }), /height is 24.5/);
});

test('written in the layout of the landscape set, and an interrupted run goes on', async (t) => {
  const dir = temporaryFolder(t);
  const seen: number[] = [];
  const options = { count: 3, height: 48, width: 64, onProgress: (done: number) => seen.push(done) };
  assert.equal(await writeLandscapes(dir, options), 3);
  assert.deepEqual(seen, [1, 2, 3]);
  const data = folderPairs(dir);
  assert.deepEqual(data.names, ['landscape_00001', 'landscape_00002', 'landscape_00003']);
  const painted = renderLandscape({ seed: 628, index: 1, height: 48, width: 64 });
  assert.deepEqual(await readLabelMap(join(dir, 'labels', 'landscape_00002.png')), painted.labels);
  const photo = await readImage(join(dir, 'imgs', 'landscape_00002.jpg'));
  const error = photo.data.reduce((sum, v, i) => sum + Math.abs(v - painted.image.data[i]), 0) / photo.data.length;
  assert.ok(error < 8, `mean error of the JPEG ${error}`);

  const kept = statSync(join(dir, 'imgs', 'landscape_00001.jpg')).mtimeMs;
  rmSync(join(dir, 'imgs', 'landscape_00002.jpg'));
  assert.equal(await writeLandscapes(dir, options), 1);
  assert.equal(statSync(join(dir, 'imgs', 'landscape_00001.jpg')).mtimeMs, kept);
  assert.deepEqual(
    readdirSync(join(dir, 'imgs')).filter((n) => n.startsWith('.')),
    [],
  );
  await assert.rejects(writeLandscapes(dir, { ...options, seed: 5 }), /made with seed 628, not 5/);
  writeFileSync(join(dir, 'landscapes.json'), '{');
  await assert.rejects(writeLandscapes(dir, options), UserError);
});
