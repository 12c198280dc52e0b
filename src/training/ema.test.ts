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

test('the same to the bit over many steps, compiled or not; the source is never written to', () => {
  const course = (compiled: '0' | '1') => {
    const before = process.env.LGGAN_COMPILED;
    process.env.LGGAN_COMPILED = compiled;
    try {
      const [source, average] = [network(0.1), network(0)];
      const moving = new MovingAverage(source.p, average.p, 0.7);
      const values = [1.7, -0.3, 0.01, 12, 5].map((v) => {
        source.set(v);
        moving.update();
        assertClose(source.weight, [v, v], 1e-7);
        return [...average.weight.dataSync(), ...average.running.dataSync()];
      });
      moving.dispose();
      source.p.dispose();
      average.p.dispose();
      return values;
    } finally {
      if (before === undefined) delete process.env.LGGAN_COMPILED;
      else process.env.LGGAN_COMPILED = before;
    }
  };
  assert.deepEqual(course('1'), course('0'));
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
