import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { UserError } from '../../src/common/errors';
import { assertNoLeak } from '../testing/close';
import { readNpz } from '../testing/npz';
import { GoldenFolder } from './folder';
import { compareFolder } from './parity';
import { allOk, jsonReport, markdownReport, textReport } from './report';
import { isOk } from './row';
import { assertKept } from './testing';

/** A folder that PyTorch made: other constants, label maps, size, batch and width than the golden files'; see variant.py. */
const VARIANT = join(__dirname, 'variant');

/** A copy of it, changed. */
function changed(t: TestContext, change: (folder: string) => void): GoldenFolder {
  const folder = mkdtempSync(join(tmpdir(), 'parity-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(VARIANT, folder, { recursive: true });
  change(folder);
  return new GoldenFolder(folder);
}

const rewrite = (folder: string, name: string, f: (text: string) => string) => writeFileSync(join(folder, name), f(readFileSync(join(folder, name), 'utf8')));

test('a folder of other constants, label maps, size, batch and width keeps its limits', async () => {
  await assertNoLeak(async () => {
    const sections = await compareFolder(new GoldenFolder(VARIANT));
    const rows = sections.flatMap((s) => s.rows);
    // Evaluation 35, training 2, last layers of the discriminator 2, losses 18, gradients and their median.
    assert.deepEqual(
      sections.map((s) => s.rows.length),
      [35, 2, 2, 18, 277],
    );
    assertKept(rows);
    // PyTorch computed it in float64, and narrow networks amplify little.
    for (const { quantity, error, scale } of rows.slice(0, 57)) assert.ok(error <= 5e-5 * scale, quantity);
    assert.ok(sections[4].rows[0].error < 1e-5);
  });
});

test('it follows formula.json and in/label: with others nearly every quantity is off', async (t) => {
  const share = async (folder: GoldenFolder) => {
    const rows = (await compareFolder(folder, { parts: ['generator', 'discriminator'] })).flatMap((s) => s.rows);
    return rows.filter((r) => !isOk(r)).length / rows.length;
  };
  const constants = {
    perIndex: ['0.53', '0.54'],
    perElement: ['0.83', '0.84'],
    perMod: ['0.029', '0.03'],
    mod: ['61', '62'],
    oneDimensionalScale: ['0.04', '0.05'],
  };
  // What absent classes paint follows from three numbers each, which the later constants hardly touch.
  for (const [name, [before, after]] of Object.entries(constants)) {
    const folder = changed(t, (f) => rewrite(f, 'formula.json', (s) => s.replace(`"${name}": ${before}`, `"${name}": ${after}`)));
    const broken = await share(folder);
    assert.ok(broken > 0.3, `${name}: ${broken}`);
  }
  // One pixel of the label map.
  const archive = readNpz(join(VARIANT, 'golden_small.npz'));
  const label = archive.get('in/label')!;
  label.data[700] = 28 - label.data[700];
  const folder = new GoldenFolder(VARIANT);
  folder.arrays = () => archive;
  assert.ok((await share(folder)) > 0.1);
});

test('one number that is off is found, and told as text, JSON and Markdown', async (t) => {
  const folder = changed(t, (f) => rewrite(f, 'golden_small.json', (s) => s.replace(/("name": "result_5", "eval": \{"shape": [^}]*"max": )[\d.]+/, '$10.4')));
  const sections = await compareFolder(folder, { parts: ['generator'] });
  assert.deepEqual(
    sections
      .flatMap((s) => s.rows)
      .filter((r) => !isOk(r))
      .map((r) => r.quantity),
    ['eval/result_5'],
  );
  assert.equal(allOk(sections), false);
  assert.match(textReport(sections), /eval\/result_5 .* NO\b[^]*1 of 37 quantities exceed their limit\.$/);
  const json = JSON.parse(jsonReport(folder.path, sections)) as { ok: boolean; sections: { rows: { quantity: string; ok: boolean; limit: number }[] }[] };
  assert.equal(json.ok, false);
  assert.deepEqual(
    json.sections[0].rows.filter((r) => !r.ok).map((r) => r.quantity),
    ['eval/result_5'],
  );
  const markdown = markdownReport(sections, 'a command', 'an engine');
  assert.match(markdown, /Made by `a command`.* an engine/);
  assert.match(markdown, /\| classes' images: worst of 29, eval\/result_5 \| .* \| NO \|/);
});

test('what cannot be compared is told in one sentence', async (t) => {
  const fails = (pattern: RegExp) => (e: unknown) => e instanceof UserError && pattern.test(e.message) && !e.message.includes('\n');
  assert.throws(() => new GoldenFolder(join(VARIANT, 'none')), fails(/none: there is no such folder/));
  assert.throws(() => changed(t, (f) => rmSync(join(f, 'formula.json'))), fails(/formula\.json does not exist/));
  assert.throws(() => changed(t, (f) => rewrite(f, 'formula.json', () => '{"perIndex": "x"}')), fails(/formula\.json: perIndex is "x"; it has to be a number/));
  assert.throws(() => changed(t, (f) => rewrite(f, 'formula.json', (s) => s.slice(0, -3))), fails(/formula\.json cannot be read as JSON/));
  const generator = (change: (folder: string) => void) => compareFolder(changed(t, change), { parts: ['generator', 'losses'] });
  await assert.rejects(
    generator((f) => rewrite(f, 'golden_small.json', (s) => s.slice(0, 500))),
    fails(/golden_small\.json cannot be read as JSON/),
  );
  await assert.rejects(
    generator((f) => rewrite(f, 'golden_small.json', (s) => s.replace('"G_index": [', '"G_index": [7, '))),
    fails(/G_index is not a list/),
  );
  await assert.rejects(
    generator((f) => rewrite(f, 'golden_small.json', (s) => s.replace('"conv2.bias"', '"conv2.bais"'))),
    fails(/does not know conv2\.bias/),
  );
  await assert.rejects(
    generator((f) => rewrite(f, 'golden_small.json', (s) => s.replace('lambda_tv', 'lambda'))),
    fails(/lambdas holds no number lambda_tv/),
  );
  await assert.rejects(
    generator((f) => writeFileSync(join(f, 'golden_small.npz'), 'PK')),
    fails(/golden_small\.npz/),
  );
  await assert.rejects(
    generator((f) => {
      rmSync(join(f, 'golden_small.npz'));
      rmSync(join(f, 'golden_small.json'));
    }),
    fails(/nothing in it can be compared/),
  );
});
