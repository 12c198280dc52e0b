import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { assertClose } from '../../proof/testing/close';
import { readAblation, summariseAblation, type Ablation } from '../ablation/statistics';
import { ablationFigure, ablationFrame, ablationTable } from './ablation';
import { assertNothingCut, assertTextsApart, drawnTexts } from '../../proof/testing/figures';

const dir = mkdtempSync(join(tmpdir(), 'ablation-'));
after(() => rmSync(dir, { recursive: true }));

const runs = (group: string, variant: string, values: number[]) =>
  values.map((v, i) => ({ group, variant, seed: i + 1, metrics: { maskAccuracy: v, FID: 100 * v } }));
const ablation: Ablation = {
  'created by': 'a command',
  metrics: { maskAccuracy: { better: 'higher', name: 'mask accuracy', unit: 'share of pixels', by: 'a judge' }, FID: { better: 'lower' } },
  references: { photographs: { maskAccuracy: 0.9 } },
  runs: [
    ...runs('upsampling', 'transposed convolution', [0.4, 0.45, 0.5]),
    ...runs('upsampling', 'nearest', [0.1, 0.2, 0.3]),
    ...runs('class loss', 'without', [0.9]),
    ...runs('branches', 'global only', [0.79, 0.8, 0.81]),
    ...runs('baseline', 'baseline', [0.5, 0.6, 0.7]),
  ],
};
const verdicts = (a: Ablation, metric: string) =>
  summariseAblation(a)
    .filter((s) => s.metric === metric)
    .map((s) => [s.group, s.variant, s.verdict]);

test('means and deviations by hand; only a difference above both deviations counts', () => {
  const [baseline] = summariseAblation(ablation);
  assertClose([baseline.mean, baseline.deviation], [0.6, 0.1], 1e-12);
  // 0.6 +- 0.1 against 0.45 +- 0.05 touch, against 0.2 +- 0.1 and 0.8 +- 0.01 they do not.
  assert.deepEqual(verdicts(ablation, 'maskAccuracy'), [
    ['upsampling', 'baseline', 'baseline'],
    ['upsampling', 'transposed convolution', 'within the spread'],
    ['upsampling', 'nearest', 'worse'],
    ['class loss', 'baseline', 'baseline'],
    ['class loss', 'without', 'one seed'],
    ['branches', 'baseline', 'baseline'],
    ['branches', 'global only', 'better'],
  ]);
  assert.deepEqual(
    verdicts(ablation, 'FID').map((v) => v[2]),
    ['baseline', 'within the spread', 'better', 'baseline', 'one seed', 'baseline', 'worse'],
  );
  // Without a common baseline the first variant of a group is it.
  const alone: Ablation = { metrics: ablation.metrics, runs: [...runs('upsampling', 'SAU', [0.5, 0.6]), ...runs('upsampling', 'nearest', [0.1, 0.12])] };
  assert.deepEqual(verdicts(alone, 'maskAccuracy'), [
    ['upsampling', 'SAU', 'baseline'],
    ['upsampling', 'nearest', 'worse'],
  ]);
});

test('the figure: a dot for each seed, hollow where no difference is shown; the table says so in words', async () => {
  const figure = ablationFigure(ablation);
  const traces = figure.data as unknown as { name: string; y: number[]; marker: { symbol: string } }[];
  assert.equal(traces.length, 14);
  assert.deepEqual(
    traces.slice(0, 3).map((t) => [t.name, t.y, t.marker.symbol]),
    [
      ['baseline', [0.5, 0.6, 0.7], 'circle'],
      ['transposed convolution', [0.4, 0.45, 0.5], 'circle-open'],
      ['nearest', [0.1, 0.2, 0.3], 'circle'],
    ],
  );
  await assertNothingCut(figure, 2);
  const table = ablationTable(ablation);
  const texts = drawnTexts(await table.svg()).map((t) => t.text);
  for (const text of ['0.60 ± 0.10', 'within the spread', 'worse', 'one seed', 'upsampling', 'photographs']) assert.ok(texts.includes(text), text);
  assert.equal(texts.filter((t) => t === 'baseline').length, 3);
  assert.ok(texts.join(' ').includes('mask accuracy (share of pixels) by a judge.'));
  await assertNothingCut(table);
  await assertTextsApart(table);
  // Five metrics do not fit beside each other: a row for each figure.
  const many = { ...ablation, metrics: Object.fromEntries(['a', 'b', 'c', 'd', 'maskAccuracy'].map((name) => [name, { better: 'lower' as const }])) };
  many.runs = ablation.runs.map((r) => ({ ...r, metrics: Object.fromEntries(Object.keys(many.metrics).map((name) => [name, r.metrics.maskAccuracy])) }));
  const long = ablationTable(many);
  await assertTextsApart(long);
  assert.equal(drawnTexts(await long.svg()).filter((t) => t.text === 'better').length, 5);
  await assertNothingCut(ablationFigure(many), 2);
  const frame = await ablationFrame(ablation);
  assert.deepEqual(frame.shape, [14, 7]);
});

test('files that are no ablation are refused by name', async () => {
  const refused = async (content: string, sentence: RegExp) => {
    const file = join(dir, 'a.json');
    writeFileSync(file, content);
    await assert.rejects(readAblation(file), sentence);
  };
  writeFileSync(join(dir, 'good.json'), JSON.stringify(ablation));
  assert.deepEqual(await readAblation(join(dir, 'good.json')), ablation);
  // As editors and PowerShell on Windows write it.
  writeFileSync(join(dir, 'good.json'), `\ufeff${JSON.stringify(ablation)}`, 'utf16le');
  assert.deepEqual(await readAblation(join(dir, 'good.json')), ablation);
  await refused('{', /a\.json: this is not valid JSON/);
  await refused('null', /a\.json is not an ablation: 'metrics' names none/);
  await refused('{"metrics": {"a": {"better": "more"}}}', /metrics\.a\.better is neither/);
  await refused('{"metrics": {"a": {"better": "lower"}}, "runs": [{"variant": "x"}]}', /run 0 lacks/);
  await assert.rejects(readAblation(join(dir, 'none')), /none: there is no such file/);
});
