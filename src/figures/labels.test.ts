import assert from 'node:assert/strict';
import test from 'node:test';
import { CLASSES } from '../classes';
import { IGNORE } from '../data/types';
import { hex } from './colours';
import { imageGrid } from './grid';
import { decodeImage } from '../data/image';
import { classLegend, colourLabels, overlayLabels } from './labels';

const all = { data: Uint8Array.from([...CLASSES.keys(), IGNORE]), height: 1, width: CLASSES.length + 1 };
const colourAt = (p: { data: Uint8Array }, i: number) => hex([p.data[3 * i], p.data[3 * i + 1], p.data[3 * i + 2]]);

test('every class has its own colour, exactly', () => {
  const picture = colourLabels(all);
  CLASSES.forEach((c, i) => assert.equal(colourAt(picture, i), c.colour, c.name));
  assert.equal(colourAt(picture, CLASSES.length), '#ffffff');
  assert.equal(new Set(CLASSES.map((c) => c.colour)).size, CLASSES.length);
  assert.throws(() => colourLabels({ data: Uint8Array.of(29), height: 1, width: 1 }), /label map holds 29, but there are 29 classes/);
});

test('shown in a grid, larger or smaller, no other colour appears', async () => {
  const known = new Set<string>([...CLASSES.map((c) => c.colour), '#ffffff']);
  const map = { width: 300, height: 200, data: Uint8Array.from({ length: 60000 }, (_, i) => (i * 7919) % 29) };
  for (const [cellWidth, size] of [
    [100, 100],
    [700, 600],
  ]) {
    const grid = imageGrid([[{ image: colourLabels(map), exact: true }]], { cellWidth });
    const box = grid.box(0, 0);
    assert.equal(box.width, size);
    const page = await decodeImage(await grid.png(), 'figure');
    for (let y = box.y; y < box.y + box.height; y++) {
      for (let x = box.x; x < box.x + box.width; x++) assert.ok(known.has(colourAt(page, y * page.width + x)));
    }
  }
});

test('the legend names the classes that are there, largest first', () => {
  const map = { data: Uint8Array.of(1, 1, 1, 0, 0, 5, IGNORE), height: 1, width: 7 };
  assert.deepEqual(
    classLegend([map]).map((e) => e.label),
    ['sky', 'mountain', 'tree', 'not labelled'],
  );
  assert.equal(classLegend([map])[0].colour, CLASSES[1].colour);
});

test('an overlay mixes photo and colours', () => {
  const photo = { data: new Uint8Array(12).fill(100), height: 2, width: 2 };
  const classes = [{ name: 'a', colour: '#c80000' }];
  const map = { data: new Uint8Array(1), height: 1, width: 1 };
  assert.deepEqual([...overlayLabels(photo, map, { opacity: 0.25, classes }).data.slice(9)], [125, 75, 75]);
  assert.deepEqual(overlayLabels(photo, map, { opacity: 0, classes }).data, photo.data);
});
