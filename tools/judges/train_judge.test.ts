import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { memoryPairs } from '../../src/data/dataset';
import { SegmentBatches } from './segment_batches';
import { IGNORE, type Pair, type PairDataset } from '../../src/data/types';
import { canCompile } from '../../src/engine/compiled';
import type { Segmenter } from './segmenter';
import { JudgeTrainer, MOST_WEIGHT, classShares, classWeights, trainJudge, type TrainJudgeConfig } from './train_judge';

const folder = mkdtempSync(join(tmpdir(), 'judge-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Sky over grass, the horizon at another height in each; grass is striped, so that it is known without its colour. */
function scene(n: number, height = 32, width = 48): Pair {
  const horizon = 8 + ((5 * n) % 16);
  const data = new Uint8Array(height * width * 3);
  const labels = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sky = y < horizon;
      labels[y * width + x] = y === 0 ? IGNORE : sky ? 1 : 12;
      data.set(sky ? [120, 170, 220] : (x + n) % 4 < 2 ? [40, 90, 30] : [110, 160, 60], (y * width + x) * 3);
    }
  }
  return { name: `scene${n}`, image: { data, height, width }, labels: { data: labels, height, width } };
}
const scenes = (from: number, count: number): PairDataset =>
  memoryPairs(
    Array.from({ length: count }, (_, i) => scene(from + i)),
    'scenes',
  );
const train = scenes(0, 8);

const toy = (name: string, more: Partial<TrainJudgeConfig> = {}): Partial<TrainJudgeConfig> => ({
  network: { imageSize: [32, 48], block: 2, levels: 3, features: 4, widest: 8 },
  window: [16, 24],
  steps: 6,
  batchSize: 2,
  validateEvery: 3,
  checkpointEvery: 4,
  output: join(folder, name),
  ...more,
});

const weightsOf = (network: Segmenter) => network.parameters.entries().map(({ variable }) => Array.from(variable.dataSync()));

test('the compiled step is the eager one to the bit, recorded once', async (t) => {
  if (!canCompile()) return t.skip('this engine has no compiled functions');
  const before = process.env.LGGAN_COMPILED;
  const course = async (compiled: '0' | '1') => {
    process.env.LGGAN_COMPILED = compiled;
    const config = toy('compiled', { balance: 0.5 });
    const trainer = new JudgeTrainer(config, await classShares(train, 29));
    const batches = new SegmentBatches(train, { window: config.window!, block: 2, batchSize: 2 });
    const losses: number[] = [];
    for (let i = 0; i < 4; i++) losses.push(trainer.step(await batches.next(), 1e-3));
    const result = { losses, weights: weightsOf(trainer.network) };
    const { recordings, eagerBecause } = trainer.compilation;
    assert.equal(recordings, compiled === '1' ? 1 : 0);
    if (compiled === '1') assert.equal(eagerBecause, undefined);
    trainer.network.dispose();
    trainer.dispose();
    return result;
  };
  try {
    assert.deepEqual(await course('1'), await course('0'));
  } finally {
    if (before === undefined) delete process.env.LGGAN_COMPILED;
    else process.env.LGGAN_COMPILED = before;
  }
});

test('a run goes on after an interruption as if there had been none, and looks at its validation on the way', async () => {
  const looked: number[] = [];
  const data = { train, validation: scenes(8, 2) };
  const whole = await trainJudge(toy('whole'), data, { onValidation: (_, step) => looked.push(step) });
  assert.deepEqual([whole.interrupted, whole.step, looked], [false, 6, [3, 6]]);
  assert.deepEqual(whole.history.series('accuracy').steps, [3, 6]);
  const rates = whole.history.series('learningRate').values;
  rates.forEach((rate, i) => assertClose(rate, 2e-3 * (1 - i / 6), 1e-12));

  const controller = new AbortController();
  const first = await trainJudge(toy('cut'), data, { signal: controller.signal, onStep: ({ step }) => void (step === 3 && controller.abort()) });
  assert.deepEqual([first.interrupted, first.step], [true, 3]);
  const second = await trainJudge(toy('cut'), data);
  assert.deepEqual([second.interrupted, second.before, second.step], [false, 3, 6]);
  assert.deepEqual(second.history.series('loss').values, whole.history.series('loss').values);
  assert.deepEqual(weightsOf(second.network), weightsOf(whole.network));

  const again = await trainJudge(toy('cut'), data, { onStep: () => assert.fail('no step is left') });
  assert.deepEqual(weightsOf(again.network), weightsOf(whole.network));
  assert.equal(again.network.trainedOn, 'trained on 8 pairs of scenes, 6 steps of 2, seed 628');
  assert.deepEqual(again.network.learnt, [1, 12]);
  assert.ok(!existsSync(join(folder, 'cut', 'best')), 'the validation chooses nothing');
  for (const r of [whole, first, second, again]) r.network.dispose();
});

test('it learns to tell what has texture from what has none', async () => {
  const { network, history } = await trainJudge(toy('learns', { steps: 150, learningRate: 1e-2, batchSize: 4, checkpointEvery: 1000, validateEvery: 1000 }), {
    train,
    validation: scenes(8, 4),
  });
  // Half of the pixels are of each class.
  const accuracy = history.series('accuracy').values.pop()!;
  assert.ok(accuracy > 0.9, `${accuracy}`);
  network.dispose();
});

test('shares are of the pixels that have a class; weights undo them as far as asked, within a limit', async () => {
  const shares = await classShares(
    memoryPairs([{ ...scene(0, 2, 4), labels: { data: Uint8Array.of(0, 0, 0, 2, 255, 255, 255, 255), height: 2, width: 4 } }], 'eight pixels'),
    3,
  );
  assert.deepEqual(shares, [0.75, 0, 0.25]);
  assert.deepEqual(classWeights(shares, 0), [1, 0, 1]);
  // 1 / share, of which the mean pixel has 2.
  assertClose(Float32Array.from(classWeights(shares, 1)), [2 / 3, 0, 2], 1e-6);
  assert.equal(classWeights([0.999, 0.001], 1)[1], MOST_WEIGHT);
});

test('a whole run leaves no tensor behind but its network', async () => {
  let n = 0;
  await assertNoLeak(async () => (await trainJudge(toy(`none${n++}`, { steps: 3 }), { train, validation: scenes(8, 1) })).network.dispose());
});

test('what does not fit is refused in one sentence', async () => {
  await assert.rejects(trainJudge({ learning_rate: 1 } as object, { train }), /did you mean 'learningRate'/);
  await assert.rejects(trainJudge(toy('a', { balance: 2 }), { train }), /balance: expected 0 to 1/);
  await assert.rejects(trainJudge(toy('a', { window: [15, 24] }), { train }), /window: 15x24/);
  await assert.rejects(trainJudge(toy('a', { network: { ...toy('a').network, classes: 5 } }), { train }), /scene0: the label map holds 12, the judge has 5/);
  await assert.rejects(trainJudge(toy('cut', { network: { ...toy('a').network, features: 6 } }), { train }), /of another shape/);
});
