import assert from 'node:assert/strict';
import test from 'node:test';
import { UserError } from '../common/errors';
import { assertClose } from '../../proof/testing/close';
import { LOSS_WEIGHTS, Schedule } from './schedule';

test("the original's rates: half for the generator, twice for the discriminator, falling over the last 50 of 120 epochs", () => {
  const schedule = new Schedule();
  const expected: [number, number][] = [
    [1, 2e-4],
    [70, 2e-4],
    [71, 2e-4],
    [72, 2e-4 * (49 / 50)],
    [73, 2e-4 * (48 / 50)],
    [120, 2e-4 / 50],
  ];
  for (const [epoch, rate] of expected) {
    const rates = schedule.learningRates(epoch);
    assertClose(rates.generator, rate / 2, 1e-12, `epoch ${epoch}`);
    assertClose(rates.discriminator, rate * 2, 1e-12, `epoch ${epoch}`);
  }
});

test('the second stage begins with epoch 91', () => {
  const schedule = new Schedule();
  assert.deepEqual(
    [1, 90, 91, 120].map((e) => schedule.stage(e)),
    [1, 1, 2, 2],
  );
  assert.deepEqual(LOSS_WEIGHTS[1], { gan: 1, projected: 0, featureMatching: 8, vgg: 3, l1: 2, local: 2, classScore: 5, totalVariation: 4 });
  assert.deepEqual(LOSS_WEIGHTS[2], { gan: 1, projected: 0, featureMatching: 10, vgg: 5, l1: 20, local: 20, classScore: 5, totalVariation: 4 });
});

test('other lengths', () => {
  const constant = new Schedule({ epochs: 5, decayEpochs: 0, learningRate: 1 });
  assert.deepEqual(
    [1, 5].map((e) => constant.learningRates(e).generator),
    [0.5, 0.5],
  );
  const falling = new Schedule({ epochs: 4, decayEpochs: 4, learningRate: 1 });
  assert.deepEqual(
    [1, 2, 3, 4].map((e) => falling.learningRates(e).discriminator),
    [2, 1.5, 1, 0.5],
  );
  const even = new Schedule({ learningRate: 1, discriminatorRate: 0.5 }).learningRates(1);
  assert.deepEqual(even, { generator: 0.5, discriminator: 0.5 });
});

test('impossible schedules are named', () => {
  const wrong: [object, RegExp][] = [
    [{ epochs: 10 }, /decayEpochs/],
    [{ epochs: 0 }, /schedule\.epochs/],
    [{ learningRate: 0 }, /learningRate/],
    [{ discriminatorRate: -1 }, /schedule\.discriminatorRate: expected more than 0, got -1/],
    [{ secondStageFrom: 1.5 }, /secondStageFrom/],
    [{ epoch: 10 }, /no field 'epoch'; did you mean 'epochs'/],
  ];
  for (const [config, message] of wrong) {
    assert.throws(
      () => new Schedule(config),
      (e) => e instanceof UserError && message.test(e.message),
      JSON.stringify(config),
    );
  }
});
