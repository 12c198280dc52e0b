/** The command as a user calls it, at toy size: processes of its own, stopped and gone on with. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { copyPainted } from '../src/data/embedded';
import { TYPESCRIPT } from '../proof/testing/command';
import { TOY_NETWORK } from '../proof/testing/toy';

/** A few toy steps take half as long one operation after the other as recorded; tests of `compiled` hold both together. */
process.env.LGGAN_COMPILED = '0';

const dir = mkdtempSync(join(tmpdir(), 'ablation-cli-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const photos = join(dir, 'photos');
before(() => copyPainted(photos, { count: 2, size: [96, 256] }));
const output = join(dir, 'out');
const json = join(dir, 'figures', 'ablation.json');

/** @param stopAt sends one SIGINT when this folder appears */
async function ablation(more: string[] = [], stopAt?: string): Promise<{ status: number | null; out: string; err: string }> {
  const args = [
    '--seeds',
    '1',
    '--steps',
    '4',
    '--input_path',
    photos,
    ...TOY_NETWORK,
    '--windows',
    '2',
    '--judges',
    join(dir, 'nothing'),
    '--segmenter_steps',
    '2',
    '--workers',
    '2',
    '--output_path',
    output,
    '--json_path',
    json,
    ...more,
  ];
  const child = spawn(process.execPath, [...TYPESCRIPT, join(__dirname, 'ablation.ts'), ...args]);
  const said = { out: '', err: '' };
  child.stdout.on('data', (text: Buffer) => (said.out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said.err += text.toString()));
  const watch = setInterval(() => {
    if (!stopAt || !existsSync(stopAt)) return;
    clearInterval(watch);
    child.kill('SIGINT');
  }, 50);
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(watch);
  return { status, ...said };
}
/** Folders of the finished runs. */
const results = () =>
  readdirSync(output)
    .filter((folder) => existsSync(join(output, folder, 'result.json')))
    .sort();

test('Ctrl-C saves; the same command goes on to six runs in a folder each, a table and the JSON; a third call does none again; other settings are refused', async () => {
  const cut = await ablation(['--workers', '1'], join(output, 'baseline-1'));
  assert.equal(cut.status, 130, cut.err);
  assert.match(cut.out, /Stopped and saved in .*; the same command goes on from there\.\n$/);
  assert.ok(!existsSync(json));
  assert.deepEqual(results(), []);

  const first = await ablation();
  assert.equal(first.status, 0, first.err);
  assert.deepEqual(results(), ['baseline-1', 'global_only-1', 'local_only-1', 'nearest_convolution-1', 'no_class_loss-1', 'transposed_convolution-1']);
  assert.match(first.out, /\| variant \| runs \| mask accuracy ↑ \| Frechet distance ↓ \|.*\n.*\n\| baseline \| 1 \|/);
  assert.match(first.out, /no class loss \(class loss\), beside the baseline: one seed in/);
  assert.match(first.out, /FID and KID of the canonical Inception are left out/);
  const file = JSON.parse(readFileSync(json, 'utf8')) as {
    'created by': string;
    metrics: Record<string, { better: string; by: string }>;
    runs: { variant: string; metrics: object }[];
  };
  assert.ok(file['created by'].startsWith('npm run ablation -- --seeds 1 --steps 4'));
  assert.deepEqual(
    file.runs.map((r) => r.variant),
    ['baseline', 'transposed convolution', 'nearest + convolution', 'global only', 'local only', 'no class loss'],
  );
  assert.deepEqual([file.metrics.psnr.better, file.metrics.fid.better], ['higher', 'lower']);

  const times = () => results().map((folder) => statSync(join(output, folder, 'result.json')).mtimeMs);
  const made = times();
  const second = await ablation();
  assert.match(second.out, /6 of them done/);
  assert.deepEqual(times(), made);
  assert.equal(second.out.slice(second.out.indexOf('| variant')), first.out.slice(first.out.indexOf('| variant')));

  const other = await ablation(['--ngf', '6']);
  assert.deepEqual([other.status, other.err], [2, `${output} holds runs with ngf 4, not 6; give another --output_path, or the same settings.\n`]);

  const settings = join(output, 'settings.json');
  const { training, ...rest } = JSON.parse(readFileSync(settings, 'utf8')) as { training: { lossWeights: object }[]; sums: unknown[] };
  writeFileSync(settings, JSON.stringify({ ...rest, training: [{ ...training[0], lossWeights: { 1: { l1: 5 } } }, ...training.slice(1)] }));
  const changed = await ablation();
  assert.deepEqual(
    [changed.status, changed.err],
    [2, `${output} holds runs that another version of this project trained, by another recipe; give another --output_path.\n`],
  );
  for (const [written, sentence] of [
    [rest, /runs of an earlier version, which did not note/],
    [{ ...rest, training, sums: ['0'.repeat(64), ''] }, /began with other weights under the same name/],
  ] as const) {
    writeFileSync(settings, JSON.stringify(written));
    const refused = await ablation();
    assert.equal(refused.status, 2);
    assert.match(refused.err, sentence);
  }
  // The folder of a run: its weights count, not its path alone.
  const start = join(output, 'baseline-1');
  writeFileSync(settings, JSON.stringify({ ...rest, training, start, sums: ['', ''] }));
  const moved = await ablation(['--start', start]);
  assert.equal(moved.status, 2);
  assert.match(moved.err, /began with other weights under the same name/);
});
