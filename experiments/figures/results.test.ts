import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { resultsRow } from '../evaluation/contest_score';
import type { Metric } from '../../src/metrics/metric';
import { measuresFigure, readEvaluation, resultsFigure } from './results';
import { assertNothingCut, assertTextsApart, drawnTexts } from '../../proof/testing/figures';

const dir = mkdtempSync(join(tmpdir(), 'results-'));
after(() => rmSync(dir, { recursive: true }));

const metric = (name: string, kind: string, value: number): Metric => ({
  name,
  value,
  n: { [kind]: 40 },
  sizes: { [kind]: '384x512' },
  network: 'a network',
  notes: [],
});
const evaluation = {
  row: resultsRow({ scaling: 'RCAN', maskAccuracy: 0.9037, aesthetic: 4.9004, fid: 42.7708 }),
  metrics: [
    { ...metric('mask accuracy', 'generated', 0.9037), unit: 'share of pixels', interval: { low: 0.9, high: 0.91, level: 0.95 } as Metric['interval'] },
    metric('mask accuracy', 'real', 0.95),
    metric('FID', 'generated', 42.7708),
  ],
  missing: [],
  segmenter: 'Mask accuracy by somebody.',
};
const write = (name: string, text: string) => {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
};

test('what evaluate printed is read behind what npm printed; other files are refused by name', async () => {
  const text = `\n> lggan-sau@0.1.0 evaluate\n> node scripts/cli.mjs evaluate --json\n\n${JSON.stringify(evaluation, undefined, 2)}\n`;
  assert.deepEqual(await readEvaluation(write('a.json', text)), evaluation);
  // PowerShell's `>` writes UTF-16.
  for (const encoding of ['utf8', 'utf16le'] as const) {
    writeFileSync(join(dir, 'a.json'), `\ufeff${text.trim()}`, encoding);
    assert.deepEqual(await readEvaluation(join(dir, 'a.json')), evaluation, encoding);
    writeFileSync(join(dir, 'a.json'), `\ufeff${JSON.stringify(evaluation)}`, encoding);
    assert.deepEqual(await readEvaluation(join(dir, 'a.json')), evaluation, encoding);
  }
  await assert.rejects(readEvaluation(write('b.json', '{"rows": []}')), /b\.json is not what `npm run evaluate -- --json` prints/);
  await assert.rejects(readEvaluation(write('c.json', 'no JSON')), /c\.json is not what/);
  await assert.rejects(readEvaluation(write('d.json', '{"row": {"scaling": "x", "fid": "9"}, "metrics": []}')), /d\.json holds a figure that is not a number/);
  await assert.rejects(readEvaluation(join(dir, 'none.json')), /none\.json: there is no such file/);
});

test('the results table: figures with four digits, what is missing as a dash, the published rows below', async () => {
  const figure = resultsFigure([
    evaluation,
    { row: { scaling: 'BICUBIC', maskAccuracy: 0.5, fid: 7 }, metrics: [metric('Frechet distance', 'generated', 7)], segmenter: '' },
  ]);
  const texts = drawnTexts(await figure.svg()).map((t) => t.text);
  // 0.9037 * (0.5 * 4.9004 / 10 + 0.5 * (100 - 42.7708) / 100), as published.
  for (const text of ['RCAN', '0.9037', '4.9004', '42.7708', '0.4800', 'BICUBIC, published', '0.4712', '0.5000', '7.0000 *'])
    assert.ok(texts.includes(text), text);
  assert.equal(texts.filter((t) => t === '–').length, 2);
  assert.ok(texts.join(' ').includes('Mask accuracy by somebody.'));
  await assertNothingCut(figure);
  await assertTextsApart(figure);
});

test('the measures: each with its interval, set and network', async () => {
  const figure = measuresFigure([evaluation]);
  const texts = drawnTexts(await figure.svg()).map((t) => t.text);
  for (const text of ['0.9037', 'mask accuracy (share of pixels)', '0.9000 to 0.9100', 'real', '42.77', '40 of 384x512', 'Networks: a network.'])
    assert.ok(texts.includes(text), text);
  await assertTextsApart(figure);
});
