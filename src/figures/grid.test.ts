import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import sharp from 'sharp';
import { UserError } from '../common/errors';
import { saveFigure } from './figure';
import { imageGrid } from './grid';
import { decodeImage } from '../data/image';
import { shortNumber } from './legend';
import { Sheet } from './sheet';
import { assertNothingCut, assertTextsApart, drawnTexts } from '../../proof/testing/figures';

const flat = (width: number, height: number, colour: readonly [number, number, number]) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]),
});
const red = flat(40, 30, [200, 10, 20]);
const blue = flat(40, 30, [10, 20, 200]);

const full = () =>
  imageGrid(
    [
      [
        red,
        {
          image: blue,
          caption: 'a caption that is much too long for this cell and will be shortened after its second line',
        },
      ],
      [blue],
    ],
    {
      title: 'A title & more',
      rowTitles: ['first row', 'the second row has a long title'],
      columnTitles: ['left', 'a column title that breaks'],
      captions: [['under red']],
      legend: Array.from({ length: 29 }, (_, i) => ({ colour: '#8c6d8f', label: `class number ${i}` })),
      colourBar: { min: -0.25, max: 12345678, label: 'weight' },
      note: 'A remark that is long enough to be broken into more than one line, whatever the width of the grid above it happens to be in the end.',
      maxWidth: 500,
    },
  );

test('pictures lie where the grid says, enlarged by whole factors', async () => {
  const grid = full();
  const page = await decodeImage(await grid.png(), 'figure');
  const at = (x: number, y: number) => [...page.data.slice(3 * (y * page.width + x), 3 * (y * page.width + x) + 3)];
  const [a, b, c] = [grid.box(0, 0), grid.box(0, 1), grid.box(1, 0)];
  assert.equal(a.width % 40, 0);
  assert.equal(a.width / 40, a.height / 30);
  for (const [box, colour] of [
    [a, [200, 10, 20]],
    [b, [10, 20, 200]],
    [c, [10, 20, 200]],
  ] as const) {
    assert.deepEqual(at(box.x, box.y), colour);
    assert.deepEqual(at(box.x + box.width - 1, box.y + box.height - 1), colour);
    assert.deepEqual(at(box.x - 1, box.y), [255, 255, 255]);
    assert.deepEqual(at(box.x + box.width, box.y + box.height - 1), [255, 255, 255]);
  }
  assert.throws(() => grid.box(1, 1), /no picture in row 1, column 1/);
  assert.throws(() => imageGrid([[undefined]]), RangeError);
});

test('no text is cut off or overlaps another, and every legend entry is there', async () => {
  const grid = full();
  assert.ok(grid.width <= 500);
  await assertNothingCut(grid);
  await assertTextsApart(grid);
  const texts = drawnTexts(await grid.svg()).map((t) => t.text);
  for (let i = 0; i < 29; i++) assert.ok(texts.includes(`class number ${i}`));
  assert.ok(texts.some((t) => t.endsWith('…')));
});

test('a large picture is shrunk to fit, a tiny grid widened for its title', async () => {
  const large = imageGrid([[flat(3000, 2000, [1, 2, 3])]], { maxWidth: 400 });
  assert.equal(large.width, 400);
  assert.equal(large.box(0, 0).height, Math.round((376 * 2) / 3));
  const tiny = imageGrid([[flat(8, 8, [0, 0, 0])]], { title: 'A title wider than the picture', scale: 1 });
  await assertNothingCut(tiny);
});

test('print size has more pixels of the same figure, SVG the same picture', async () => {
  const grid = full();
  const twice = await decodeImage(await grid.png(2), 'figure');
  assert.deepEqual([twice.width, twice.height], [2 * grid.width, 2 * grid.height]);
  const box = grid.box(0, 0);
  const i = 3 * (2 * box.y * twice.width + 2 * box.x);
  assert.deepEqual([...twice.data.slice(i, i + 3)], [200, 10, 20]);
  const svg = await grid.svg();
  assert.doesNotMatch(svg, /(href|src)="(?!data:)/);
  const [a, b] = await Promise.all([sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer(), decodeImage(await grid.png(), 'figure')]);
  const different = a.reduce((n, v, k) => n + (Math.abs(v - b.data[k]) > 40 ? 1 : 0), 0);
  assert.ok(different / a.length < 1e-3, `${different} of ${a.length} bytes differ`);
});

test('a sheet takes pictures on whole pixels inside it, and any text', async () => {
  const sheet = new Sheet('x', 60, 40);
  assert.throws(() => sheet.picture(red, { x: 30, y: 0, width: 40, height: 30 }), RangeError);
  assert.throws(() => sheet.picture(red, { x: 0.5, y: 0, width: 40, height: 30 }), RangeError);
  sheet.picture(red, { x: 0, y: 0, width: 40, height: 30 }).text(2, 20, '<&>"\u0000', { halo: '#fff', bold: true }).line(0, 0, 5, 5, { stroke: '#000' });
  assert.equal((await decodeImage(await sheet.png(), 'figure')).width, 60);
});

test('figures are saved in each format, into folders made as needed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'figures-'));
  try {
    const files = await saveFigure(join(folder, 'deep', 'grid.png'), full());
    assert.deepEqual(
      files.map((f) => f.slice(folder.length)),
      ['/deep/grid.png', '/deep/grid.svg'],
    );
    assert.deepEqual((await readdir(join(folder, 'deep'))).sort(), ['grid.png', 'grid.svg']);
    assert.match(await readFile(files[1], 'utf8'), /^<svg [^]*<\/svg>$/);
    await assert.rejects(saveFigure(join(folder, 'deep', 'grid.png', 'x'), full()), UserError);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('numbers are short', () => {
  assert.deepEqual([0, 1, -0.25, 0.123456, 12345, 1234567, 0.00001, NaN].map(shortNumber), ['0', '1', '−0.25', '0.123', '12300', '1.2e+6', '1.0e−5', 'NaN']);
});
