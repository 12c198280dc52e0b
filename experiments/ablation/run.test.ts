import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { copyPainted } from '../../src/data/embedded';
import { UserError } from '../../src/common/errors';
import { saveParameters } from '../../src/checkpoints/parameters';
import { loadGenerator } from '../../src/models/pretrained';
import { createGenerator } from '../../src/models/lggan/single_branch';
import * as tf from '../../src/engine/tf';
import { AblationJudges, heldOut, prepareSegmenter } from './measure';
import { folderOf, jobsOf, readResult, runJob, trainingOf } from './run';
import { ablationSettings } from './settings';
import { VARIANTS } from './variants';

const dir = mkdtempSync(join(tmpdir(), 'ablation-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const settings = ablationSettings({
  input: join(dir, 'photos'),
  steps: 3,
  imageSize: [32, 64],
  ngf: 4,
  spadeHidden: 4,
  residualBlocks: 1,
  sauCompressed: 4,
  ndf: 4,
  windows: 2,
  segmenterSteps: 2,
});
before(() => copyPainted(settings.input, { count: 2, size: [96, 256] }));

test('six networks, each from every seed, seed by seed; all differ in one point from the first', () => {
  const jobs = jobsOf(3);
  assert.equal(jobs.length, 18);
  assert.equal(new Set(jobs.map((job) => folderOf('x', job))).size, 18);
  assert.deepEqual(
    jobs.slice(0, 6).map((j) => j.seed),
    [1, 1, 1, 1, 1, 1],
  );
  assert.deepEqual([...new Set(jobsOf(2, 'upsampling').map((j) => j.variant))], ['baseline', 'transposed convolution', 'nearest + convolution']);
  const all = VARIANTS.map((variant) => trainingOf(settings, variant, 2, 'x'));
  const text = (config: object) => JSON.stringify(config);
  assert.equal(new Set(all.map(text)).size, 6);
  for (const [i, config] of all.entries()) {
    const differences = Object.keys(config.generator!).filter((k) => text({ a: config.generator![k as 'ngf'] }) !== text({ a: all[0].generator![k as 'ngf'] }));
    assert.equal(differences.length + (text(config.lossWeights!) === '{}' ? 0 : 1), i ? 1 : 0, VARIANTS[i].name);
    createGenerator(config.generator).dispose();
  }
});

test('the schedule has the proportions of the original: a quarter in stage 2, five twelfths of decay', () => {
  // The second opinion goes by VGG19.
  for (const [vgg, projected] of [
    ['none', 0],
    ['somewhere', 2],
  ] as const) {
    const { lossWeights } = trainingOf({ ...settings, recipe: 'pretrained', vgg }, VARIANTS[0], 1, 'x');
    assert.deepEqual(
      [1, 2].map((stage) => lossWeights![stage as 1 | 2]!.projected),
      [projected, projected],
    );
  }
  const { schedule, stepsPerEpoch } = trainingOf({ ...settings, steps: 200 }, VARIANTS[0], 1, 'x');
  assert.deepEqual(schedule, { epochs: 10, decayEpochs: 4, secondStageFrom: 8, learningRate: 2e-3 });
  assert.equal(stepsPerEpoch, 20);
  assert.throws(
    () => ablationSettings({ steps: 25 }),
    (e) => e instanceof UserError && /multiple of 10.*got 25/.test(e.message),
  );
});

test('a run trains, is measured and leaves its result; stopped, it goes on; finished, it is only read; no tensor is left', async (t) => {
  const output = join(dir, 'out');
  await prepareSegmenter(settings, output, join(dir, 'nothing'));
  const tensors = tf.memory().numTensors;
  const judges = await AblationJudges.load(settings, output, join(dir, 'nothing'));
  assert.ok(judges.missing.some((m) => /^FID and KID of the canonical Inception are left out/.test(m)));
  const job = { variant: 'local only', seed: 2 };
  const stop = new AbortController();
  const seen: number[] = [];
  const stopped = await runJob(settings, output, job, judges, {
    signal: stop.signal,
    onStep: (done) => {
      seen.push(done);
      if (done === 2) stop.abort();
    },
  });
  assert.equal(stopped, undefined);
  assert.equal(await readResult(output, job), undefined);
  const result = await runJob(settings, output, job, judges, { onStep: (done) => seen.push(done) });
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual([result!.variant, result!.group, result!.seed], ['local only', 'branches', 2]);
  const keys = Object.keys(result!.metrics);
  assert.deepEqual(keys, ['maskAccuracy', 'fid', 'kid', 'psnr', 'ssim', 'classScore']);
  assert.ok(Object.values(result!.metrics).every(Number.isFinite) && result!.seconds > 0);
  assert.match(result!.info.fid!.by, /^bottleneck of the own U-Net/);
  t.diagnostic(JSON.stringify(result!.metrics));

  const again = await runJob(settings, output, job, judges, { onStep: () => assert.fail('no step was left') });
  assert.deepEqual(again, JSON.parse(JSON.stringify(result)));
  // Without its result the run is measured again, to the same figures.
  rmSync(join(folderOf(output, job), 'result.json'));
  const measured = await runJob(settings, output, job, judges, { onStep: () => assert.fail('no step was left') });
  assert.deepEqual(measured!.metrics, result!.metrics);

  const global = await runJob(settings, output, { variant: 'global only', seed: 1 }, judges);
  assert.ok(!('classScore' in global!.metrics));
  const photographs = await judges.ofPhotographs();
  assert.deepEqual(Object.keys(photographs.metrics), ['maskAccuracy']);
  const flat = await judges.ofMeanColours(settings);
  assert.ok(flat.metrics.psnr! > 5 && flat.metrics.fid! > 0);
  await judges.dispose();
  assert.equal(tf.memory().numTensors, tensors);

  const file = join(folderOf(output, job), 'result.json');
  assert.ok(existsSync(file) && readFileSync(file, 'utf8').includes('"maskAccuracy"'));
  writeFileSync(file, '{');
  await assert.rejects(readResult(output, job), (e) => e instanceof UserError && e.message.includes(file));
});

test('from a trained network every variant has its weights but for the upsamplers, and is judged on pairs of their own', async () => {
  const start = join(dir, 'trained.safetensors');
  const trained = createGenerator({ imageSize: [64, 96], ngf: 4, spadeHidden: 8, residualBlocks: 2, sauCompressed: 8, seed: 7 });
  await saveParameters(start, trained.parameters, { network: 'LGGAN', config: JSON.stringify(trained.config) });
  const warm = { ...settings, val: settings.input, start, recipe: 'pretrained' as const, windows: 1 };
  const pairs = await heldOut(warm);
  assert.deepEqual([pairs.length, (await pairs.at(0)).labels.height], [1, 32]);
  const output = join(dir, 'warm');
  const judges = { ofGenerator: () => Promise.resolve({ metrics: {}, info: {} }) };
  for (const variant of ['baseline', 'nearest + convolution']) {
    const job = { variant, seed: 3 };
    await runJob(warm, output, job, judges);
    const begun = await loadGenerator(join(folderOf(output, job), 'start.safetensors'));
    assert.deepEqual([begun.config.spadeHidden, begun.config.imageSize], [8, [32, 64]]);
    const before = new Map(trained.parameters.entries().map((e) => [e.name, e.variable.arraySync()]));
    const changed = begun.parameters.entries().filter((e) => JSON.stringify(e.variable.arraySync()) !== JSON.stringify(before.get(e.name)));
    // Two upsamplers in the local branch, two for the weight maps; of SAU each has three convolutions, whose biases begin at 0 here and there.
    assert.equal(changed.length, variant === 'baseline' ? 4 * 3 : 4 * 2);
    assert.ok(changed.every((e) => /^deconv[34]_/.test(e.name)));
    begun.dispose();
  }
  trained.dispose();

  const half = createGenerator({ imageSize: [32, 64], ngf: 4, spadeHidden: 8, residualBlocks: 1, branches: 'global' });
  await saveParameters(start, half.parameters, { network: 'LGGAN', config: JSON.stringify({ ...half.config, branches: 'global' }) });
  half.dispose();
  const local = { variant: 'local only', seed: 3 };
  await assert.rejects(
    runJob(warm, output, local, judges),
    (e) => e instanceof UserError && /trained\.safetensors: this generator lacks \S+; begin with one of both branches\./.test(e.message),
  );
});
