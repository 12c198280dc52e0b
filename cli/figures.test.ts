/** The command on a tiny untrained network, as a user would call it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { saveCheckpoint } from '../src/checkpoints/checkpoint';
import { writePng } from '../src/data/image';
import { Discriminator } from '../src/models/discriminator';
import { LGGAN } from '../src/models/lggan/lggan';
import { RCAN } from '../src/models/rcan';
import { command } from '../proof/testing/command';
import { labelMap } from '../proof/testing/toy';
import { History } from '../src/training/history';

const dir = mkdtempSync(join(tmpdir(), 'figures-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const [run, labels, out] = ['run', 'labels', 'out'].map((name) => join(dir, name));

const draw = (...args: string[]) => command('figures', ...args);
const contents = () =>
  Object.fromEntries(
    readdirSync(out)
      .filter((name) => !name.startsWith('.'))
      .sort()
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(out, name)))
          .digest('hex'),
      ]),
  );

test('figures from a run and label maps, with captions and an index; a rerun gives the same bytes; bad input is one sentence', async () => {
  const generator = new LGGAN({ ngf: 4, spadeHidden: 4, residualBlocks: 1, sauCompressed: 4, imageSize: [32, 64], style: true });
  const discriminator = new Discriminator({ ndf: 4 });
  const metadata = { network: 'LGGAN', config: JSON.stringify(generator.config) };
  await saveCheckpoint(run, 'latest', { networks: { G: generator.parameters, D: discriminator.parameters }, state: { step: 7 }, metadata });
  const history = new History();
  for (let step = 1; step <= 8; step++)
    history.append({ step, stage: step > 6 ? 2 : 1, generator: 9 - step, gan: step, discriminatorFake: 1, discriminatorReal: 1 });
  await history.save(join(run, 'history.csv'));
  for (const [i, name] of ['beach', 'hill'].entries()) {
    await writePng(
      join(labels, `${name}.png`),
      labelMap(48, 64, (y, x) => (y < 20 + i ? 1 : x < 32 ? 0 : 2)),
    );
  }

  const only = ['sketch_landscape', 'losses', 'network_lggan', 'network_discriminator', 'rcan_bicubic', 'evaluation', 'styles'];
  const figures = () => draw('--checkpoint', run, '--labels', labels, '--output_path', out, '--only', only.join(','));
  const made = figures();
  assert.equal(made.status, 0, made.err);
  assert.match(made.out, /rcan_bicubic is left out: it needs a trained RCAN \(--rcan\)\./);
  assert.match(made.out, /evaluation is left out: it needs the evaluation\.csv/);
  const files = contents();
  assert.deepEqual(
    Object.keys(files),
    [
      'README.md',
      'losses.html',
      ...['losses', 'network_discriminator', 'network_lggan', 'sketch_landscape', 'styles'].flatMap((n) => ['md', 'png', 'svg'].map((e) => `${n}.${e}`)),
    ].sort(),
  );
  const caption = readFileSync(join(out, 'sketch_landscape.md'), 'utf8');
  assert.match(caption, /generator: .*run \(latest-000001.G\.safetensors, step 7, sha256 [0-9a-f]{12}\)/);
  assert.match(caption, /label maps: 2 of .*labels \(beach, hill\), 48x64/);
  assert.match(caption, /--only sketch_landscape/);
  assert.doesNotMatch(caption, /--overwrite/);
  assert.ok(!caption.includes(dir), 'a folder of this machine is told');
  const index = readFileSync(join(out, 'README.md'), 'utf8');
  assert.deepEqual([...index.matchAll(/^## (.*)$/gm)].map((m) => m[1]).length, 6);
  assert.match(index, /## Left out\n\n- evaluation is left out[^\n]*\n- rcan_bicubic is left out/);
  assert.match(readFileSync(join(out, 'network_discriminator.md'), 'utf8'), /Discriminator, ndf 4/);
  assert.equal(figures().status, 0);
  assert.deepEqual(contents(), files);

  const refused = (sentence: RegExp, ...args: string[]) => {
    const { status, err } = draw('--labels', labels, '--output_path', join(dir, 'nothing'), ...args);
    assert.equal(status, 2, err);
    assert.match(err, sentence);
    assert.doesNotMatch(err, /\n\s+at /);
  };
  refused(/--only: there is no figure 'loses'; there are sketch_landscape/, '--checkpoint', run, '--only', 'loses');
  refused(/no such checkpoint/, '--checkpoint', join(dir, 'none'));
  refused(/--transposed: .*run was trained with upsampling 'sau'/, '--checkpoint', run, '--transposed', run);
  writeFileSync(join(dir, 'a.json'), '[]');
  refused(/a\.json is not an ablation/, '--checkpoint', run, '--ablation', join(dir, 'a.json'));
  refused(/none\.json: there is no such file/, '--checkpoint', run, '--ablation', join(dir, 'none.json'));
  // Without an ablation of one's own: what comes with the project.
  const drawn = draw('--checkpoint', run, '--labels', labels, '--output_path', join(dir, 'ablation'), '--only', 'ablation');
  assert.equal(drawn.status, 0, drawn.err);
  assert.match(readFileSync(join(dir, 'ablation/ablation.md'), 'utf8'), /ablation: (docs|figures).ablation\.json/);
  [generator, discriminator].forEach((network) => network.dispose());
});

test('RCAN against bicubic, and features with transposed convolutions', async () => {
  const small = { ngf: 4, spadeHidden: 4, residualBlocks: 1, sauCompressed: 4, imageSize: [32, 64] as const };
  const transposed = new LGGAN({ ...small, upsampling: 'transposed' });
  const rcan = new RCAN({ groups: 1, blocks: 1, features: 4, reduction: 2 });
  const save = (folder: string, key: string, network: LGGAN | RCAN, name: string) =>
    saveCheckpoint(join(dir, folder), 'latest', {
      networks: { [key]: network.parameters },
      state: { step: 1 },
      metadata: { network: name, config: JSON.stringify(network.config) },
    });
  await save('transposed', 'G', transposed, 'LGGAN');
  await save('rcan', 'RCAN', rcan, 'RCAN');
  const target = join(dir, 'out2');
  const made = draw(
    '--checkpoint',
    run,
    '--labels',
    labels,
    '--transposed',
    join(dir, 'transposed'),
    '--rcan',
    join(dir, 'rcan'),
    '--output_path',
    target,
    '--only',
    'feature_upsampling,rcan_bicubic,network_rcan',
  );
  assert.equal(made.status, 0, made.err);
  assert.match(readFileSync(join(target, 'feature_upsampling.md'), 'utf8'), /transposed convolution: .*transposed \(/);
  assert.match(readFileSync(join(target, 'rcan_bicubic.md'), 'utf8'), /photos: datasets.photos \(.*300x400/);
  [transposed, rcan].forEach((network) => network.dispose());
});
