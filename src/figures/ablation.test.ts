import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { assertClose } from '../testing/close';
import { type Ablation, ablationFigure, ablationFrame, ablationTable, readAblation, summariseAblation } from './ablation';
import { assertNothingCut, assertTextsApart, drawnTexts } from './testing';

const dir = mkdtempSync(join(tmpdir(), 'ablation-'));
after(() => rmSync(dir, { recursive: true }));

const runs = (group: string, variant: string, values: number[]) => values.map((v, i) => ({ group, variant, seed: i + 1, metrics: { maskAccuracy: v, FID: 100 * v } }));
const ablation: Ablation = {
  'created by': 'a command',
  metrics: { maskAccuracy: { better: 'higher', label: 'mask accuracy (share of pixels)' }, FID: { better: 'lower' } },
  runs: [
    ...runs('upsampling', 'SAU', [0.5, 0.6, 0.7]),
    ...runs('upsampling', 'transposed convolution', [0.4, 0.45, 0.55]),
    ...runs('upsampling', 'nearest', [0.1, 0.2, 0.3]),
    ...runs('class loss', 'with', [0.5]),
    ...runs('class loss', 'without', [0.2, 0.3]),
  ],
};
const verdicts = (metric: string) => summariseAblation(ablation).filter((s) => s.metric === metric).map((s) => [s.variant, s.verdict]);

test('means and deviations by hand; a difference counts only where the ranges of the seeds do not touch', () => {
  const [sau] = summariseAblation(ablation);
  assertClose([sau.mean, sau.deviation, sau.min, sau.max], [0.6, 0.1, 0.5, 0.7], 1e-12);
  assert.deepEqual(verdicts('maskAccuracy'), [
    ['SAU', 'best mean'],
    ['transposed convolution', 'within the spread'],
    ['nearest', 'apart from the best'],
    ['with', 'best mean'],
    ['without', 'one seed: no spread known'],
  ]);
  // The other way round: less is better.
  assert.deepEqual(verdicts('FID').slice(0, 3), [['SAU', 'apart from the best'], ['transposed convolution', 'apart from the best'], ['nearest', 'best mean']]);
});

test('the figure: a dot for each seed, hollow where no difference is shown; the table says so in words', async () => {
  const figure = ablationFigure(ablation);
  const traces = figure.data as unknown as { name: string; y: number[]; marker: { symbol: string } }[];
  assert.equal(traces.length, 10);
  assert.deepEqual(traces.slice(0, 3).map((t) => [t.name, t.y, t.marker.symbol]), [
    ['SAU', [0.5, 0.6, 0.7], 'circle'],
    ['transposed convolution', [0.4, 0.45, 0.55], 'circle-open'],
    ['nearest', [0.1, 0.2, 0.3], 'circle'],
  ]);
  await assertNothingCut(figure, 2);
  const table = ablationTable(ablation);
  const texts = drawnTexts(await table.svg()).map((t) => t.text);
  for (const text of ['0.60 ± 0.10', 'within spread', 'apart', 'one seed', 'upsampling']) assert.ok(texts.includes(text), text);
  await assertNothingCut(table);
  await assertTextsApart(table);
  const frame = await ablationFrame(ablation);
  assert.deepEqual(frame.shape, [10, 9]);
  assert.deepEqual((frame.column('mean').values as number[]).slice(3, 4), [0.5]);
});

test('files that are no ablation are refused by name', async () => {
  const refused = async (content: string, sentence: RegExp) => {
    const file = join(dir, 'a.json');
    writeFileSync(file, content);
    await assert.rejects(readAblation(file), sentence);
  };
  writeFileSync(join(dir, 'good.json'), JSON.stringify(ablation));
  assert.deepEqual(await readAblation(join(dir, 'good.json')), ablation);
  await refused('{', /a\.json is not JSON/);
  await refused('null', /a\.json is not an ablation: 'metrics' names none/);
  await refused('{"metrics": {"a": {"better": "more"}}}', /metrics\.a\.better is neither/);
  await refused('{"metrics": {"a": {"better": "lower"}}, "runs": [{"variant": "x"}]}', /run 0 lacks/);
  await assert.rejects(readAblation(join(dir, 'none')), /none cannot be read \(ENOENT\)/);
});
