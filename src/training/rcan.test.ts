import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { newestCheckpoint } from '../checkpoints/checkpoint';
import { mapDataset, memoryPairs } from '../data/dataset';
import { bicubicEnlarged, srPairsOf } from '../data/sr_pairs';
import type { RgbImage } from '../data/types';
import { RCAN } from '../models/rcan';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { canCompile } from '../engine/compiled';
import * as tf from '../engine/tf';
import { srQuality } from '../metrics/sr_quality';
import { RCANTrainer, trainRCAN, type RCANData } from './rcan';
import { rcanLearningRate, trainRCANConfig, type TrainRCANConfig } from './rcan_config';
import { loadRCAN } from '../models/pretrained';

const folder = mkdtempSync(join(tmpdir(), 'rcan-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Discs and stripes of two colours, another phase for each picture. */
function picture(i: number): RgbImage {
  const [height, width] = [24, 32];
  const data = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = Math.hypot(x - 8 - 3 * i, y - 12) < 7 !== (x + 2 * y + 5 * i) % 12 < 5;
      data.set(inside ? [200, 90 + 10 * i, 40] : [40, 120, 180], (y * width + x) * 3);
    }
  }
  return { data, height, width };
}

function pictures(from: number, count: number) {
  return srPairsOf(
    memoryPairs(
      Array.from({ length: count }, (_, i) => ({ name: `p${from + i}`, image: picture(from + i) })),
      'discs',
    ),
  );
}

const data: RCANData = { train: pictures(0, 6), validation: pictures(6, 2) };
const toy = (name: string, more: Partial<TrainRCANConfig> = {}): Partial<TrainRCANConfig> => ({
  network: { groups: 1, blocks: 1, features: 8, reduction: 4 },
  batchSize: 2,
  patch: 16,
  learningRate: 1e-3,
  epochs: 2,
  stepsPerEpoch: 3,
  halveEvery: 1,
  validateEvery: 2,
  output: join(folder, name),
  ...more,
});

const weightsOf = (network: RCAN) => network.parameters.entries().map(({ variable }) => Array.from(variable.dataSync()));

test('the compiled step is the eager one to the bit, recorded once for each size', (t) => {
  if (!canCompile()) return t.skip('this engine has no compiled functions');
  const before = process.env.LGGAN_COMPILED;
  const course = (compiled: '0' | '1') => {
    process.env.LGGAN_COMPILED = compiled;
    const trainer = new RCANTrainer(toy('compiled'));
    const losses = [16, 16, 16, 24, 16, 24].map((patch, k) => {
      const low = Float32Array.from({ length: 2 * 3 * (patch / 2) ** 2 }, (_, i) => 128 + 90 * Math.sin(i * (k + 1)));
      const high = Float32Array.from({ length: 2 * 3 * patch ** 2 }, (_, i) => 128 + 90 * Math.cos(i * (k + 1)));
      return trainer.step({ low, high, patch, names: [] }, 1e-3 / (k + 1));
    });
    const result = { losses, weights: weightsOf(trainer.network) };
    const { recordings, eagerBecause } = trainer.compilation;
    assert.equal(recordings, compiled === '1' ? 2 : 0);
    if (compiled === '1') assert.equal(eagerBecause, undefined);
    trainer.network.dispose();
    trainer.dispose();
    return result;
  };
  try {
    assert.deepEqual(course('1'), course('0'));
  } finally {
    if (before === undefined) delete process.env.LGGAN_COMPILED;
    else process.env.LGGAN_COMPILED = before;
  }
});

test('the learning rate is halved every 25 epochs', () => {
  const config = trainRCANConfig({});
  const rates = [1, 25, 26, 50, 51, 100].map((epoch) => rcanLearningRate(config, epoch));
  assert.deepEqual(rates, [2e-4, 2e-4, 1e-4, 1e-4, 5e-5, 2.5e-5]);
});

test('the first step moves every weight by the learning rate against its gradient, the mean shift not at all', () => {
  const trainer = new RCANTrainer(toy('step'));
  const before = weightsOf(trainer.network);
  const low = Float32Array.from({ length: 2 * 8 * 8 * 3 }, (_, i) => 128 + 90 * Math.sin(i));
  const high = Float32Array.from({ length: 2 * 16 * 16 * 3 }, (_, i) => 128 + 90 * Math.cos(i));
  const loss = trainer.step({ low, high, patch: 16, names: [] }, 1e-3);
  const out = tf.tidy(() => {
    const fresh = new RCAN(trainer.config.network);
    const y = fresh.forward(tf.tensor4d(low, [2, 8, 8, 3])).dataSync();
    fresh.dispose();
    return y;
  });
  assertClose(loss, high.reduce((s, v, i) => s + Math.abs(v - out[i]), 0) / high.length, 1e-5);
  const moves = weightsOf(trainer.network).map((values, k) => values.map((v, i) => Math.abs(v - before[k][i])));
  trainer.network.parameters.entries().forEach(({ name, trainable }, k) => {
    const largest = Math.max(...moves[k]);
    // Adam's first step is lr * g / (|g| + 1e-8); float32 weights of up to 0.3 resolve it to 3e-8.
    if (trainable) assert.ok(Math.abs(largest - 1e-3) < 2e-6, `${name} moved by ${largest}`);
    else assert.equal(largest, 0, name);
  });
  trainer.network.dispose();
  trainer.dispose();
});

test('steps on one batch lower its loss and leave no tensor behind', async () => {
  for (const start of ['random', 'bilinear'] as const) {
    const trainer = new RCANTrainer(toy('leak', { start }));
    const { low, high } = await data.train.at(0);
    const batch = { low: Float32Array.from(low.data.slice(0, 12 * 12 * 3)), high: new Float32Array(24 * 24 * 3).fill(100), patch: 24, names: [] };
    assert.equal(high.height, 24);
    const losses = [trainer.step(batch, 1e-3)];
    await assertNoLeak(() => losses.push(trainer.step(batch, 1e-3)));
    for (let i = 0; i < 5; i++) losses.push(trainer.step(batch, 1e-3));
    assert.ok(losses[losses.length - 1] < losses[0], losses.join(' '));
    trainer.network.dispose();
    trainer.dispose();
  }
});

test('a run validates, keeps its best, and goes on after an interruption as if there had been none', async () => {
  const steps: number[] = [];
  const whole = await trainRCAN(toy('whole'), data, {
    onStep: (row, done, total) => void (steps.push(row.step), assert.equal(total, 6), assert.equal(done, row.step)),
  });
  assert.deepEqual(steps, [1, 2, 3, 4, 5, 6]);
  assert.equal(whole.interrupted, false);
  assert.deepEqual(whole.history.series('psnrRgb').steps, [2, 4, 6]);
  assert.deepEqual(whole.history.series('learningRate').values, [1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 5e-4]);
  assert.equal(whole.best!.rgb, Math.max(...whole.history.series('psnrRgb').values));

  const controller = new AbortController();
  const first = await trainRCAN(toy('cut'), data, {
    signal: controller.signal,
    onStep: ({ step }) => {
      if (step === 3) controller.abort();
    },
  });
  assert.deepEqual([first.interrupted, first.step, first.history.length], [true, 3, 3]);
  const second = await trainRCAN(toy('cut'), data);
  assert.deepEqual([second.interrupted, second.step, second.history.length], [false, 6, 6]);
  assert.deepEqual(second.history.series('loss').values, whole.history.series('loss').values);
  assert.deepEqual(weightsOf(second.network), weightsOf(whole.network));
  assert.deepEqual(second.best, whole.best);

  // A run that is over does nothing more.
  const again = await trainRCAN(toy('cut'), data, { onStep: () => assert.fail('no step is left') });
  assert.equal(again.step, 6);
  assert.equal(
    readFileSync(join(folder, 'cut', 'history.csv'), 'utf8')
      .trim()
      .split('\n').length,
    7,
  );
  for (const r of [whole, first, second, again]) r.network.dispose();
});

test('a batch that is not finite is rolled back to the checkpoint, or skipped', async () => {
  for (const [onFault, trained] of [
    ['skip', [1, 2, 3, 5, 6]],
    ['rollback', [1, 2, 3, 4, 5, 6]],
  ] as const) {
    let read = 0;
    const trainer = RCANTrainer.prototype;
    const step = trainer.step;
    trainer.step = function (batch, rate) {
      return step.call(this, ++read === 4 ? { ...batch, high: batch.high.map(() => NaN) } : batch, rate);
    };
    const messages: string[] = [];
    try {
      const run = await trainRCAN(toy(onFault, { onFault, checkpointEvery: 3 }), { train: data.train }, { onMessage: (m) => messages.push(m) });
      assert.deepEqual(run.history.series('loss').steps, trained);
      assert.equal(messages.length, 1);
      assert.match(messages[0], onFault === 'skip' ? /^Step 4: .*; it was skipped\.$/ : /^Step 4: .*; back to step 3\.$/);
      run.network.dispose();
    } finally {
      trainer.step = step;
    }
  }
});

test('the network comes back from its checkpoint alone, whatever its size', async () => {
  const run = await trainRCAN(toy('alone', { network: { groups: 2, blocks: 3, features: 6, reduction: 3 }, epochs: 1 }), data);
  const file = join((await newestCheckpoint(join(folder, 'alone'), 'best'))!, 'RCAN.safetensors');
  const loaded = await loadRCAN(file);
  assert.deepEqual(weightsOf(loaded), weightsOf(run.network));
  const { groups, blocks, features, reduction, scale } = loaded.config;
  assert.deepEqual({ groups, blocks, features, reduction, scale }, { groups: 2, blocks: 3, features: 6, reduction: 3, scale: 2 });
  loaded.dispose();
  run.network.dispose();
});

test('a whole run leaves no tensor behind but its network', async () => {
  let n = 0;
  await assertNoLeak(async () => (await trainRCAN(toy(`none${n++}`, { epochs: 1 }), data)).network.dispose());
});

test('without validation there is no best', async () => {
  const run = await trainRCAN(toy('blind', { epochs: 1 }), { train: data.train });
  assert.deepEqual([run.best, run.bicubic], [undefined, undefined]);
  assert.ok(!existsSync(join(folder, 'blind', 'best')));
  run.network.dispose();
});

test('a run may begin with a trained network: its shape, its weights, a new optimiser, and further groups; another shape and a path of nothing are refused', async () => {
  const first = await trainRCAN(toy('trained'), data);
  const file = join((await newestCheckpoint(join(folder, 'trained'), 'best'))!, 'RCAN.safetensors');
  const { network: _, ...own } = toy('goes_on', { start: file, learningRate: 1e-12, epochs: 1 });
  const second = await trainRCAN(own, data);
  assert.deepEqual(second.network.config, { ...first.network.config });
  const [a, b] = [weightsOf(first.network), weightsOf(second.network)];
  // Three steps at this rate move nothing that float32 sees.
  assert.deepEqual(b, a);
  const held = tf.memory().numTensors;
  const deeper = await trainRCAN({ ...own, network: { groups: 3 }, output: join(folder, 'deeper') }, data);
  assert.equal(deeper.network.config.groups, 3);
  tf.tidy(() => {
    const x = tf.tensor4d(picture(9).data, [1, 24, 32, 3], 'float32');
    // Two groups that add zero, and three steps that move it by 3e-12.
    assertClose(deeper.network.forward(x), first.network.forward(x), 1e-7);
  });
  deeper.network.dispose();
  assert.equal(tf.memory().numTensors, held);
  for (const { network } of [first, second]) network.dispose();
  const tensors = tf.memory().numTensors;
  await assert.rejects(
    trainRCAN(toy('other', { start: file, network: { features: 4, reduction: 4 } }), data),
    /another shape \(head\.0\.weight\); leave the fields of trainRCAN\.network to it/,
  );
  await assert.rejects(
    trainRCAN(toy('none', { start: join(folder, 'nothing.safetensors') }), data),
    /^UserError: trainRCAN\.start: expected 'random', 'bilinear' or the path of a trained RCAN; there is no file or folder '.*nothing\.safetensors'\.$/,
  );
  assert.equal(tf.memory().numTensors, tensors);
});

test('what does not fit is refused in one sentence', async () => {
  await assert.rejects(trainRCAN(toy('a', { network: { scale: 3 } }), data), /differ by a factor of 2/);
  await assert.rejects(trainRCAN({ learning_rate: 1 } as object, data), /did you mean 'learningRate'/);
  await assert.rejects(trainRCAN(toy('a', { patch: 64 }), data), /smaller than a patch of 64/);
  await assert.rejects(trainRCAN(toy('cut', { network: { groups: 2, blocks: 1, features: 8, reduction: 4 } }), data), /does not fit this network/);
});

test('a flat picture in the validation is left out, told, and neither a mean nor a checkpoint is infinite', async () => {
  const flat = (high: RgbImage): RgbImage => ({ ...high, data: high.data.map(() => 128) });
  const mixed = mapDataset(data.validation!, ({ name, low, high }) =>
    name === data.validation!.names[0] ? { name, low: flat(low), high: flat(high) } : { name, low, high },
  );
  const messages: string[] = [];
  const { network, bicubic, best } = await trainRCAN(toy('mixed', { epochs: 1 }), { ...data, validation: mixed }, { onMessage: (m) => messages.push(m) });
  assert.match(messages[0], /^1 of 2 pictures of the validation .* left out of it\.$/);
  assert.deepEqual(bicubic, await srQuality([await mixed.at(1)], bicubicEnlarged));
  assert.ok(Number.isFinite(bicubic!.rgb) && Number.isFinite(best!.rgb) && Number.isFinite(best!.y));
  network.dispose();
  // Nothing but flat pictures: trained without a validation.
  const all = mapDataset(data.validation!, ({ name, low, high }) => ({ name, low: flat(low), high: flat(high) }));
  const without = await trainRCAN(toy('flat', { epochs: 1 }), { ...data, validation: all });
  assert.equal(without.best, undefined);
  without.network.dispose();
});
