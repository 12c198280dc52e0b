import assert from 'node:assert/strict';
import test from 'node:test';
import { Parameters } from '../layers/core/parameters';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import * as tf from '../engine/tf';
import { MovingAverage } from './ema';

function network(value: number) {
  const p = new Parameters();
  const weight = p.vector('weight', 2, { kind: 'constant', value });
  const running = p.state('running_mean', 1, { kind: 'constant', value });
  const set = (v: number) => tf.tidy(() => [weight, running].forEach((x) => x.assign(tf.fill(x.shape, v) as tf.Tensor1D)));
  return { p, weight, running, set };
}

test('starts as a copy, follows slowly, faster at first; what is not trained is copied', () => {
  const [source, average] = [network(3), network(0)];
  const moving = new MovingAverage(source.p, average.p, 0.2);
  assertClose(average.weight, [3, 3], 0);
  source.set(14);
  moving.update();
  // (1 + 1) / (10 + 1) of the old.
  assertClose(average.weight, [12, 12], 1e-6);
  assertClose(average.running, [14], 0);
  source.set(0);
  moving.update();
  // 3/12 would be more than the decay of 0.2.
  assertClose(average.weight, [2.4, 2.4], 1e-6);
  assert.equal(moving.step, 2);
  // The source stays as it is.
  assertClose(source.weight, [0, 0], 0);
  source.p.dispose();
  average.p.dispose();
});

test('continues where it stopped', () => {
  const [source, average] = [network(0), network(0)];
  const moving = new MovingAverage(source.p, average.p, 0.999);
  moving.restore(89);
  source.set(1);
  moving.update();
  assertClose(average.weight, [1 - 91 / 100, 1 - 91 / 100], 1e-6);
  source.p.dispose();
  average.p.dispose();
});

test('no tensor is left', async () => {
  const [source, average] = [network(0), network(0)];
  await assertNoLeak(() => new MovingAverage(source.p, average.p, 0.9).update());
  source.p.dispose();
  average.p.dispose();
});
