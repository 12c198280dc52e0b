import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import type { Batch, BatchSource } from '../data/batches';
import { labelTiles, photo } from '../../proof/testing/fixtures';
import { writeNormalised } from '../data/tensors';
import { UserError } from '../common/errors';
import * as tf from '../engine/tf';
import { MovingAverage } from './ema';
import { FAULT_POLICIES, StepFault, divergence, faultOf, lossDivergence } from './guards';
import { History } from './history';
import { LGGANTrainer, trainLGGAN, type TrainLGGANConfig } from './lggan';
import { RCANTrainer } from './rcan';

const root = mkdtempSync(join(tmpdir(), 'guards-'));
after(() => rmSync(root, { recursive: true, force: true }));
let runs = 0;

const [H, W, CLASSES] = [32, 32, 3];
const small = { classes: CLASSES, ngf: 2, spadeHidden: 2, residualBlocks: 1, sauCompressed: 2, imageSize: [H, W] as const };
/** What becomes of a run is the same with one branch, whose step takes a quarter of the time. */
const toy = (more: Partial<TrainLGGANConfig> = {}): Partial<TrainLGGANConfig> => ({
  generator: { ...small, branches: 'local' },
  discriminator: { ndf: 2 },
  schedule: { epochs: 3, decayEpochs: 0, secondStageFrom: 4 },
  stepsPerEpoch: 2,
  checkpointEvery: 2,
  ema: 0.9,
  output: join(root, String(runs++)),
  ...more,
});

/** Batch n of a sequence; those in `bad` have a pixel that is not a number. */
function batchOf(n: number, bad: readonly number[]): Batch {
  const images = new Float32Array(2 * H * W * 3);
  const labels = [0, 1].map((b) => {
    writeNormalised(photo(W, H, 10 * n + b + 1), images, b * H * W * 3);
    const map = labelTiles(W, H, n + b);
    return { ...map, data: map.data.map((v) => v % CLASSES) };
  });
  if (bad.includes(n)) images[77] = NaN;
  return { images, labels, names: ['a', 'b'] };
}
class Batches implements BatchSource {
  readonly batchesPerEpoch = 2;
  private place = 0;
  constructor(private readonly bad: readonly number[] = []) {}
  async next() {
    return batchOf(this.place++, this.bad);
  }
  state() {
    return { place: this.place } as unknown as ReturnType<BatchSource['state']>;
  }
  restore(state: unknown) {
    this.place = (state as { place: number }).place;
  }
}
/** Every number of a trainer's networks. */
const weights = (t: LGGANTrainer) =>
  [t.generator, t.discriminator, t.averaged!].flatMap((n) => n.parameters.entries().map((e) => [e.name, [...e.variable.dataSync()]]));
/** What a trainer becomes that takes these batches one after the other. */
function onlyWith(batches: readonly number[], config = toy()) {
  const trainer = new LGGANTrainer(config);
  for (const n of batches) trainer.step(batchOf(n, []), 1);
  const result = weights(trainer);
  trainer.dispose();
  return result;
}

test('a bad step is named, leaves no trace in weights and statistics, and no tensor', () => {
  const trainer = new LGGANTrainer(toy({ generator: small }));
  trainer.step(batchOf(0, []), 1);
  const [before, tensors] = [weights(trainer), tf.memory().numTensors];
  assert.throws(
    () => trainer.step(batchOf(1, [1]), 1),
    (e) =>
      e instanceof StepFault && /^the loss (featureMatching|l1|local) became NaN, and so the gradient of \S+$/.test(e.message) && Number.isNaN(e.losses.l1),
  );
  assert.equal(tf.memory().numTensors, tensors);
  assert.deepEqual(weights(trainer), before);
  trainer.dispose();
});

test('a fault of the discriminator takes the generator back too, with what its optimiser remembers', (t) => {
  eagerly(t);
  const config = toy({ generator: small });
  const trainer = new LGGANTrainer(config);
  trainer.step(batchOf(0, []), 1);
  const [before, tensors] = [weights(trainer), tf.memory().numTensors];
  const undo = faultAt('discriminator', [1]);
  t.after(undo);
  assert.throws(
    () => trainer.step(batchOf(1, []), 1),
    (e) => e instanceof StepFault && /^the loss discriminator/.test(e.message),
  );
  assert.equal(tf.memory().numTensors, tensors);
  assert.deepEqual(weights(trainer), before);
  for (const n of [2, 3]) trainer.step(batchOf(n, []), 1);
  assert.deepEqual(weights(trainer), onlyWith([0, 2, 3], config));
  trainer.dispose();
});

test('skip: the run ends as one that never saw the batch; the history has a gap there', async () => {
  const messages: string[] = [];
  const config = toy();
  const { trainer, history } = await trainLGGAN(config, { train: new Batches([2, 5]) }, { onMessage: (m) => messages.push(m) });
  assert.deepEqual(weights(trainer), onlyWith([0, 1, 3, 4]));
  assert.deepEqual(history.series('step').values, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(history.series('generator').steps, [1, 2, 4, 5]);
  assert.deepEqual(history.series('skipped').steps, [3, 6]);
  assert.equal(messages.length, 2);
  assert.match(messages[0], /^Step 3: the loss \w+ became NaN.*; it was skipped\.$/);
  // A file of it can be read again.
  assert.equal((await History.load(join(config.output!, 'history.csv'))).length, 6);
  trainer.dispose();
});

test('rollback: back to the checkpoint, on with the batches that follow', async () => {
  const messages: string[] = [];
  // Steps 1, 2, checkpoint, 3; the fourth batch is bad: back to 2, then batches 4 to 7.
  const { trainer, history } = await trainLGGAN(toy({ onFault: 'rollback' }), { train: new Batches([3]) }, { onMessage: (m) => messages.push(m) });
  assert.deepEqual(weights(trainer), onlyWith([0, 1, 4, 5, 6, 7]));
  assert.deepEqual(history.series('generator').steps, [1, 2, 3, 4, 5, 6]);
  assert.match(messages[0], /^Step 4: the loss .*; back to step 2\.$/);
  trainer.dispose();
  // Without a checkpoint there is nothing to go back to.
  await assert.rejects(
    trainLGGAN(toy({ onFault: 'rollback' }), { train: new Batches([0]) }),
    (e) => e instanceof UserError && /^Step 1: .*lower the learning rate and go on from/.test(e.message),
  );
});

test('a run that does not recover ends with a sentence, and no checkpoint has bad weights', async () => {
  const all = Array.from({ length: 40 }, (_, i) => i);
  const long = { schedule: { epochs: 20, decayEpochs: 0, secondStageFrom: 21 } };
  const seen: string[] = [];
  await assert.rejects(
    trainLGGAN(toy(long), { train: new Batches(all.slice(3)) }, { onMessage: (m) => seen.push(m) }),
    (e) => e instanceof UserError && /^Step 14: the loss /.test(e.message),
  );
  assert.equal(seen.length, 10);
  await assert.rejects(
    trainLGGAN(toy({ ...long, onFault: 'stop' }), { train: new Batches([1]) }),
    (e) => e instanceof UserError && /^Step 2: the loss /.test(e.message),
  );

  const trainer = new LGGANTrainer(toy());
  const { variable, name } = trainer.discriminator.parameters.entries()[2];
  tf.tidy(() => variable.assign(tf.fill(variable.shape, NaN)));
  await assert.rejects(
    trainer.save('latest', {}),
    (e) => e instanceof UserError && e.message.includes(`${name} holds NaN or infinity, so no checkpoint was written`),
  );
  assert.throws(() => readdirSync(trainer.config.output), /ENOENT/);
  trainer.dispose();
});

test('the layer is named where only its gradient is bad, or too large to be squared', () => {
  const g = { 'conv1.weight': tf.ones([3, 2]), 'conv2.weight': tf.tensor1d([1, 2e19]), 'conv3.weight': tf.tensor1d([NaN]) };
  assert.equal(faultOf('generator', { l1: 1 }, { 'conv1.weight': g['conv1.weight'] }), undefined);
  assert.equal(faultOf('generator', { l1: 1 }, g), "the gradient of generator's conv2.weight is not finite, or too large for its square");
  assert.equal(faultOf('generator', { generator: NaN, l1: NaN }, {}), 'the loss l1 became NaN');
  tf.dispose(g);
});

test('RCAN moves no weight in a bad step', () => {
  const trainer = new RCANTrainer({ network: { groups: 1, blocks: 1, features: 4, reduction: 2 } });
  const values = () => trainer.network.parameters.entries().map((e) => [...e.variable.dataSync()]);
  const before = values();
  const bad = { low: new Float32Array(8 * 8 * 3).fill(9), high: new Float32Array(16 * 16 * 3).fill(Infinity), patch: 16, names: ['a'] };
  assert.throws(
    () => trainer.step(bad, 1e-3),
    (e) => e instanceof StepFault && /the loss loss became (Infinity|NaN)/.test(e.message),
  );
  assert.deepEqual(values(), before);
  trainer.network.dispose();
  trainer.dispose();
});

test('a discriminator out of balance is seen in the history', () => {
  const history = (loss: (step: number) => number, length = 150) => {
    const h = new History();
    for (let step = 1; step <= length; step++) h.append({ step, discriminatorFake: loss(step), discriminatorReal: loss(step) });
    return h;
  };
  assert.equal(divergence(history(() => 3)), undefined);
  assert.equal(divergence(history(() => 500, 99)), undefined, 'too few steps to say');
  // One outlier is no divergence.
  assert.equal(divergence(history((step) => (step === 120 ? 900 : 3))), undefined);
  assert.match(divergence(history((step) => step))!, /diverges: its loss is 201\.0 on average/);
  assert.match(divergence(history(() => 0.01))!, /has won: its loss is 0\.020 on average/);
  assert.equal(divergence(history(() => NaN)), undefined);
});

test('a loss that has doubled since its first hundred steps is seen', () => {
  const history = (loss: (step: number) => number, length = 250) => {
    const h = new History();
    for (let step = 1; step <= length; step++) h.append({ step, loss: loss(step) });
    return h;
  };
  assert.equal(lossDivergence(history((step) => 30 / Math.sqrt(step))), undefined);
  assert.equal(lossDivergence(history((step) => (step > 100 ? 90 : 10), 199)), undefined, 'too few steps to say');
  // The gap of a skipped step is none of the values.
  assert.match(lossDivergence(history((step) => (step === 7 ? NaN : step > 100 ? 25 : 10)))!, /has grown to 25\.0 on average, from 10\.0 in/);
  assert.equal(lossDivergence(history((step) => (step > 100 ? 19 : 10))), undefined);
});

/** Steps of a test one operation after the other: recording takes longer than four of them. A fault in a compiled step is in lggan.test.ts. */
function eagerly(t: TestContext): void {
  const before = process.env.LGGAN_COMPILED;
  process.env.LGGAN_COMPILED = '0';
  t.after(() => {
    if (before === undefined) delete process.env.LGGAN_COMPILED;
    else process.env.LGGAN_COMPILED = before;
  });
}

/** Makes something of a step not finite (or fail) at the given steps of the next run; the returned function undoes it. */
function faultAt(place: 'generator' | 'discriminator' | 'average', times: readonly number[]): () => void {
  const prototypes = {
    generator: [LGGANTrainer.prototype, 'stepGenerator'],
    discriminator: [LGGANTrainer.prototype, 'stepDiscriminator'],
    average: [MovingAverage.prototype, 'update'],
  } as const;
  const [prototype, method] = prototypes[place];
  const original = Reflect.get(prototype, method) as (...args: unknown[]) => unknown;
  let count = 0;
  Reflect.set(prototype, method, function (this: object, ...args: unknown[]) {
    const bad = times.includes(++count);
    if (place === 'average') {
      original.apply(this, args);
      const entries = (Reflect.get(this, 'average') as LGGANTrainer['generator']['parameters'] | undefined)?.entries();
      assert.ok(entries, 'the average is found');
      if (bad) tf.tidy(() => entries[0].variable.assign(tf.fill(entries[0].variable.shape, NaN)));
      return undefined;
    }
    if (!bad) return original.apply(this, args);
    const images = tf.tidy(() => tf.mul(args[1] as tf.Tensor4D, NaN) as tf.Tensor4D);
    try {
      return original.call(this, args[0], images, ...args.slice(2));
    } finally {
      images.dispose();
    }
  });
  return () => void Reflect.set(prototype, method, original);
}

test('a fault at any place of a step, at the first one and later, under every policy: it ends in a sentence or goes on, and every weight is finite', async (t) => {
  eagerly(t);
  const tensors = tf.memory().numTensors;
  for (const place of ['generator', 'discriminator', 'average'] as const) {
    for (const at of [1, 3]) {
      for (const onFault of FAULT_POLICIES) {
        const name = `${place}, step ${at}, ${onFault}`;
        const undo = faultAt(place, [at]);
        const config = toy({ onFault, schedule: { epochs: 2, decayEpochs: 0, secondStageFrom: 3 } });
        const messages: string[] = [];
        let ended: unknown;
        try {
          const { trainer, history } = await trainLGGAN(config, { train: new Batches() }, { onMessage: (m) => messages.push(m) });
          const columns = history.series('step').values;
          assert.deepEqual(columns, [1, 2, 3, 4], name);
          assert.ok(
            weights(trainer).every(([, ...v]) => (v.flat() as number[]).every(Number.isFinite)),
            name,
          );
          trainer.dispose();
        } catch (e) {
          ended = e;
        } finally {
          undo();
        }
        if (place === 'average') {
          // Weights that are not finite are never saved: the run ends at its next checkpoint.
          assert.ok(ended instanceof UserError && /EMA|averag|holds NaN or infinity/.test(ended.message), `${name}: ${String(ended)}`);
        } else if (onFault === 'stop' || (onFault === 'rollback' && at === 1)) {
          assert.ok(ended instanceof UserError, `${name}: ${String(ended)}`);
          assert.match(ended.message, new RegExp(`^Step ${at}: .*; lower the learning rate and go on from`), name);
        } else {
          assert.equal(ended, undefined, `${name}: ${(ended as Error)?.stack}`);
          assert.match(messages[0], onFault === 'skip' ? /^Step \d: .*; it was skipped\.$/ : /^Step 3: .*; back to step 2\.$/, name);
        }
        // What is there can be gone on with.
        const again = new LGGANTrainer(config);
        assert.equal((await again.load('latest')) === undefined, ended !== undefined && at === 1, name);
        assert.ok(
          weights(again).every(([, ...v]) => (v.flat() as number[]).every(Number.isFinite)),
          name,
        );
        again.dispose();
        assert.equal(tf.memory().numTensors, tensors, name);
      }
    }
  }
});

test('an evaluation that is no number never is the best; one or a sample that fails loses no step', async (t) => {
  eagerly(t);
  const config = toy({ evaluateEvery: 1, sampleEvery: 1 });
  const figures = [NaN, 5, Infinity];
  const { trainer } = await trainLGGAN(config, { train: new Batches() }, { evaluate: async () => figures.shift()! });
  assert.deepEqual(
    readdirSync(config.output!).filter((n) => /^best-/.test(n)),
    ['best-000001'],
  );
  trainer.dispose();
  for (const hooks of [
    {
      evaluate: async () => {
        throw new UserError('no.');
      },
    },
    {
      onSample: (_: unknown, step: number) => {
        if (step === 3) throw new UserError('no.');
      },
    },
  ]) {
    const failing = toy({ evaluateEvery: 1, sampleEvery: 1, checkpointEvery: 100 });
    await assert.rejects(trainLGGAN(failing, { train: new Batches() }, hooks), (e) => e instanceof UserError && e.message === 'no.');
    const again = await trainLGGAN(failing, { train: new Batches() });
    assert.ok(again.epochsBefore >= 1);
    assert.deepEqual(again.history.series('step').values, [1, 2, 3, 4, 5, 6]);
    again.trainer.dispose();
  }
});
