import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import sharp from 'sharp';
import { UserError } from '../../src/common/errors';
import { COLUMN, printSize, savePrint } from './print';
import { Plot } from '../../src/figures/plot';
import { Sheet } from '../../src/figures/sheet';
import { tableFigure } from './table';
import { assertNothingCut, assertTextsApart, drawnTexts } from '../../proof/testing/figures';

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('a figure as wide as the column is 17 cm at 300 dots an inch; the caption says how it was made; a rerun gives the same bytes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'print-'));
  try {
    const sheet = new Sheet('A title', COLUMN, 400).text(10, 20, 'text');
    const plot = new Plot({ data: [{ type: 'scatter', x: [1, 2], y: [3, 4] }], layout: { title: { text: 'A plot' } } }, { width: 400, height: 300 });
    const caption = { shows: 'What it *shows*.', made: ['`a command`', 'checkpoint x'] };
    const save = async () => {
      await savePrint(folder, 'sheet', sheet, caption);
      await savePrint(folder, 'plot', plot, caption);
      const names = (await readdir(folder)).sort();
      return Object.fromEntries(await Promise.all(names.map(async (n) => [n, sha(await readFile(join(folder, n)))] as const)));
    };
    const first = await save();
    assert.deepEqual(Object.keys(first), ['plot.html', 'plot.md', 'plot.png', 'plot.svg', 'sheet.md', 'sheet.png', 'sheet.svg']);
    // 17 cm / 2.54 * 300 dots
    const { width, height, density } = await sharp(join(folder, 'sheet.png')).metadata();
    assert.deepEqual([width, height, density], [2008, 1004, 300]);
    // Half the column: 8.5 cm.
    assert.equal((await sharp(join(folder, 'plot.png')).metadata()).width, 1004);
    assert.match(await readFile(join(folder, 'sheet.svg'), 'utf8'), /^<svg [^>]*width="170.00mm" height="85.00mm" viewBox="0 0 800 400"/);
    assert.match(await readFile(join(folder, 'plot.svg'), 'utf8'), /^<svg [^>]*width="85.00mm" height="63.75mm"[^>]* viewBox="0 0 400 300"/);
    const text = await readFile(join(folder, 'plot.md'), 'utf8');
    assert.equal(
      text,
      '# A plot\n\n![A plot](plot.png)\n\nWhat it *shows*.\n\nHow it was made:\n\n- `a command`\n- checkpoint x\n' +
        '- 8.5 x 6.4 cm: plot.png (1004 x 753 pixels, 300 dots an inch), plot.svg; interactive: [plot.html](plot.html)\n',
    );
    assert.deepEqual(await save(), first);
    await writeFile(join(folder, 'file'), '');
    await assert.rejects(savePrint(join(folder, 'file', 'x'), 'a', sheet, caption), UserError);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('what is wider than the column is shrunk to it', () => {
  assert.deepEqual(printSize({ width: 1600, height: 400 }), { width: 17, height: 4.25 });
});

test('tables: long texts are wrapped, nothing overlaps or is cut', async () => {
  const figure = tableFigure({
    title: 'A table',
    columns: ['name', 'a number (share of the pixels that were judged)', 'remark'],
    rows: [
      ['first', '0.5000', 'a remark that is too long to stand in one line beside the others and has to be wrapped into several of them'],
      ['second', '–', ''],
    ],
    ruled: [1],
    note: 'A note below the table.',
    width: 420,
  });
  await assertNothingCut(figure);
  await assertTextsApart(figure);
  const texts = drawnTexts(await figure.svg()).map((t) => t.text);
  for (const text of ['A table', 'first', '0.5000', '–']) assert.ok(texts.includes(text), text);
  assert.ok(texts.join(' ').includes('into several of them'));
  assert.throws(() => tableFigure({ title: 'x', columns: ['a', 'b'], rows: [['1']] }), /row 0 of 'x' has 1 cells/);
});
