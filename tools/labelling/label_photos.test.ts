import type { Size } from '../../src/data/types';
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { CLASS_NAMES } from '../../src/classes';
import { ADE20K_NAMES, GROUP_OF_ADE20K, GROUP_OF_CLASS, JUDGED_GROUPS, LABELLED_AS, NEVER_LABELLED, labelTable } from '../judges/ade20k';
import { folderPairs } from '../../src/data/pairs';
import { photographs } from '../../src/data/carried';
import { resizeImage, resizeLabels } from '../../src/data/resize';
import { IGNORE, type RgbImage } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { hasOnnxRuntime } from '../judges/onnx';
import { SceneSegmenter, windows, type Votes } from '../judges/scene_segmenter';
import { material, withMaterial } from '../../proof/testing/material';
import { labelPhotos } from './label_photos';
import { removeSmallRegions } from './regions';

const root = mkdtempSync(join(tmpdir(), 'label-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Stands in for the network where reading photographs is tested: blue is sky, the rest grass. */
const byColour = {
  name: 'a rule of colours',
  async vote({ data, height, width }: RgbImage): Promise<Votes> {
    const n = height * width;
    const labels = Uint8Array.from({ length: n }, (_, p) => ADE20K_NAMES.indexOf(data[3 * p + 2] > data[3 * p + 1] ? 'sky' : 'grass'));
    return { labels: { data: labels, height, width }, second: labels, share: new Float32Array(n).fill(1) };
  },
};

/** Upper half blue, lower half green. */
const scene = (width: number, height: number) =>
  sharp(Buffer.from(Array.from({ length: width * height }, (_, p) => (p < (width * height) / 2 ? [90, 120, 220] : [60, 160, 40])).flat()), {
    raw: { width, height, channels: 3 },
  });

test('photographs of every kind are used rightly, or named and left out', async () => {
  const input = join(root, 'in');
  mkdirSync(input);
  const file = (name: string) => join(input, name);
  await scene(200, 160).jpeg().toFile(file('plain.jpg'));
  // Stored lying on its side, with the orientation that turns it by 90 degrees to the right.
  await sharp(await scene(200, 160).png().toBuffer())
    .rotate(270)
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toFile(file('turned.jpg'));
  await scene(200, 160).toColourspace('cmyk').jpeg().toFile(file('print.jpg'));
  await scene(200, 160).toColourspace('b-w').jpeg().toFile(file('grey.jpg'));
  await scene(900, 700).png().toFile(file('large.png'));
  await scene(90, 160).jpeg().toFile(file('narrow.jpg'));
  writeFileSync(file('cut.jpg'), readFileSync(file('plain.jpg')).subarray(0, -300));
  writeFileSync(file('text.jpg'), 'no picture');
  writeFileSync(file('empty.png'), '');
  writeFileSync(file('phone.heic'), 'x');
  await scene(200, 160).png().toFile(file('plain.png'));

  const output = join(root, 'out');
  const report = await labelPhotos(byColour, input, output, { maxSide: 450 });
  assert.deepEqual(
    report.photos.map((p) => p.name),
    ['grey', 'large', 'plain', 'print', 'turned'],
  );
  const reasons = Object.fromEntries(report.leftOut.map(({ file, reason }) => [file.slice(input.length + 1), reason]));
  assert.deepEqual(Object.keys(reasons).sort(), ['cut.jpg', 'empty.png', 'narrow.jpg', 'phone.heic', 'plain.png', 'text.jpg']);
  assert.match(reasons['narrow.jpg'], /90x160/);
  assert.match(reasons['plain.png'], /shares its name with plain\.jpg/);
  assert.match(readFileSync(join(output, 'report.txt'), 'utf8'), /5 photographs labelled, 6 files left out/);

  // The project's own reader takes what was written: sizes fit, values are classes.
  const pairs = folderPairs(output);
  assert.equal(pairs.length, 5);
  for (let i = 0; i < pairs.length; i++) {
    const { name, image, labels } = await pairs.at(i);
    assert.equal(`${image.width}x${image.height}`, name === 'large' ? '450x350' : '200x160', name);
    if (name === 'grey') continue;
    const at = (share: number) => CLASS_NAMES[labels.data[Math.floor(share * labels.height) * labels.width + 50]];
    assert.deepEqual([at(0.2), at(0.8)], ['sky', 'grass'], name);
  }
  assert.deepEqual(readFileSync(join(output, 'imgs', 'plain.jpg')), readFileSync(file('plain.jpg')));
  assert.deepEqual(report.photos.find((p) => p.name === 'turned')?.notes, ['turned upright']);
  assert.ok(Math.abs(report.photos[2].classes.sky - 0.5) < 0.02);
});

test('a folder of which nothing can be used is an error', async () => {
  const input = join(root, 'bad');
  mkdirSync(input);
  await assert.rejects(labelPhotos(byColour, input, join(root, 'none')), (e: Error) => e instanceof UserError && /no photographs/.test(e.message));
  writeFileSync(join(input, 'a.jpg'), 'x');
  await assert.rejects(labelPhotos(byColour, input, join(root, 'none')), /none of the 1 photographs/);
});

test('the table names classes that exist, takes changes, and the groups hold each class once', () => {
  for (const name of ADE20K_NAMES) assert.ok(CLASS_NAMES.includes(LABELLED_AS[name]), name);
  assert.ok(NEVER_LABELLED.includes('rock') && NEVER_LABELLED.includes('lake') && !NEVER_LABELLED.includes('water'));
  assert.equal(CLASS_NAMES[labelTable(['water=lake'])[ADE20K_NAMES.indexOf('water')]], 'lake');
  assert.throws(() => labelTable(['rock=hill']), /knows no 'rock'/);
  assert.throws(() => labelTable(['water=pond']), /no class 'pond'/);
  const grouped = JUDGED_GROUPS.flatMap((g) => g.classes);
  assert.equal(new Set(grouped).size, grouped.length);
  // Where a label of the table has a group, it is that of what it was labelled from.
  ADE20K_NAMES.forEach((name, i) => {
    const group = GROUP_OF_CLASS[CLASS_NAMES.indexOf(LABELLED_AS[name])];
    if (group !== IGNORE) assert.equal(GROUP_OF_ADE20K[i], group, name);
  });
});

test('windows cover the picture, and wide ones are seen in parts', () => {
  for (const [height, width] of [
    [1200, 1600],
    [600, 3000],
    [900, 300],
  ]) {
    for (const scale of [1, 0.6]) {
      const all = windows(height, width, scale);
      if (!all.length) continue;
      const covered = new Uint8Array(height * width);
      for (const w of all) {
        assert.ok(w.x >= 0 && w.y >= 0 && w.x + w.width <= width && w.y + w.height <= height);
        assert.ok(Math.max(w.width / w.height, w.height / w.width) <= 2.01);
        for (let y = w.y; y < w.y + w.height; y++) covered.fill(1, y * width + w.x, y * width + w.x + w.width);
      }
      assert.ok(
        covered.every((v) => v === 1),
        `${width}x${height} at ${scale}`,
      );
    }
  }
  assert.equal(windows(1200, 1600, 1).length, 1);
  assert.equal(windows(1200, 1600, 0.6).length, 4);
});

test('specks take the class around them', () => {
  const map = { data: Uint8Array.from([1, 1, 1, 1, 1, 2, 1, 3, 1, 1, 3, 3]), height: 3, width: 4 };
  removeSmallRegions(map, 2);
  assert.deepEqual([...map.data], [1, 1, 1, 1, 1, 1, 1, 3, 1, 1, 3, 3]);
});

test('the segmenter agrees with a label map that was drawn by hand', async (t) => {
  const file = material('mosaic_ade20k.onnx') ?? withMaterial(t, 'weights/mosaic_ade20k.onnx');
  if (!file) return;
  if (!(await hasOnnxRuntime())) return t.skip('skipped: onnxruntime-node is not installed');
  const segmenter = await SceneSegmenter.load(file);
  const size: Size = [480, 640];
  const pair = await photographs().at(0);
  const { labels, share } = await segmenter.vote(resizeImage(pair.image, size));
  const truth = resizeLabels(pair.labels, size);
  const table = labelTable();
  const right = labels.data.reduce((sum, c, p) => sum + Number(table[c] === truth.data[p]), 0) / truth.data.length;
  // Outlines alone differ: 0.987 was measured; a wrong order of channels or rows gives less than 0.7.
  assert.ok(right > 0.96, `${right}`);
  assert.ok(share.every((v) => v > 0 && v <= 1));
  await segmenter.dispose();
});

test('a file with another checksum is refused', async (t) => {
  if (!(await hasOnnxRuntime())) return t.skip('skipped: onnxruntime-node is not installed');
  const file = join(root, 'mosaic_ade20k.onnx');
  writeFileSync(file, 'not it');
  await assert.rejects(SceneSegmenter.load(file), (e: Error) => e instanceof UserError && /checksum/.test(e.message));
  await assert.rejects(SceneSegmenter.load(file, { unlisted: true }), /cannot be loaded/);
});

test('what is finished is skipped; another setting, photograph or map is made anew, and the report is the same', async () => {
  const input = join(root, 'again');
  const output = join(root, 'again_out');
  mkdirSync(input);
  for (const name of ['a', 'b', 'c'])
    await scene(200, 160)
      .jpeg()
      .toFile(join(input, `${name}.jpg`));
  let looks = 0;
  const counting = { name: byColour.name, vote: (image: RgbImage) => (looks++, byColour.vote(image)) };
  const run = async (options: Parameters<typeof labelPhotos>[3] = {}) => {
    looks = 0;
    const report = await labelPhotos(counting, input, output, options);
    return { ...report, looks, names: report.photos.map((p) => p.name) };
  };
  // Interrupted while the first photographs are in work: those are finished, the rest is not begun.
  const abort = new AbortController();
  const part = await run({ signal: abort.signal, onProgress: () => abort.abort() });
  assert.ok(part.looks >= 1 && part.looks < 3, String(part.looks));
  const whole = await run();
  assert.deepEqual([whole.looks, whole.before, whole.names], [3 - part.looks, part.looks, ['a', 'b', 'c']]);
  const again = await run();
  assert.deepEqual([again.looks, again.before], [0, 3]);
  assert.deepEqual([again.photos, again.classes], [whole.photos, whole.classes]);

  appendFileSync(join(output, '.lggan-labelled'), '{"cut'); // Killed while writing the line.
  await scene(260, 160).jpeg().toFile(join(input, 'b.jpg'));
  rmSync(join(output, 'labels', 'c.png'));
  assert.equal((await run()).looks, 2);
  assert.equal((await run()).looks, 0);
  assert.equal((await run({ as: ['grass=field'] })).looks, 3);
});

test('photographs and label maps of the user stay as they are', async () => {
  const own = join(root, 'own');
  for (const part of ['imgs', 'labels']) mkdirSync(join(own, part), { recursive: true });
  const [photo, map] = [join(own, 'imgs', 'a.jpg'), join(own, 'labels', 'a.png')];
  await scene(200, 160).jpeg().toFile(photo);
  writeFileSync(map, 'drawn by hand');
  const before = readFileSync(photo);
  await assert.rejects(labelPhotos(byColour, own, own, { overwrite: true }), /imgs\/a\.jpg would be written over .*imgs\/a\.jpg, which is read/);
  assert.deepEqual(readFileSync(photo), before);
  assert.equal(readFileSync(map, 'utf8'), 'drawn by hand');

  const other = join(root, 'other');
  await labelPhotos(byColour, own, other);
  await labelPhotos(byColour, own, other);
  writeFileSync(join(other, 'labels', 'a.png'), 'mended by hand');
  await assert.rejects(labelPhotos(byColour, own, other), /labels\/a\.png is there already.*--overwrite/);
  await labelPhotos(byColour, own, other, { overwrite: true });
  assert.notEqual(readFileSync(join(other, 'labels', 'a.png'), 'utf8'), 'mended by hand');
});
