import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose, assertNoLeak } from '../../../proof/testing/close';
import * as tf from '../../engine/tf';
import { Parameters, withoutDrawing, XAVIER } from './parameters';

const spread = (x: tf.Tensor) => tf.tidy(() => tf.sqrt(tf.moments(x).variance).dataSync()[0]);

test("weights start with the spread of the original's", () => {
  // Standard deviations of the original's freshly made generator, names and sizes as there. A sample of n numbers scatters by 1/sqrt(2n):
  // 0.2% to 2% here, on both sides.
  const p = new Parameters();
  assertClose(spread(p.conv('conv1.weight', [7, 7, 29, 64])), 0.00041938, 0.01);
  assertClose(spread(p.conv('resnet_blocks1.conv1.weight', [3, 3, 256, 256])), 0.00041667, 0.005);
  assertClose(spread(p.dense('fc2.weight', [64, 29])), 0.0029643, 0.05);
  assertClose(spread(p.conv('deconv3_local.downsample.weight', [1, 1, 256, 128])), 0.0014361, 0.02);
  // PyTorch counts a transposed kernel [in, out, 3, 3] as fan_in = out * 9, fan_out = in * 9: the sum is the same.
  assertClose(spread(p.convTransposed('up.weight', [3, 3, 32, 64])), 0.02 * Math.sqrt(2 / (9 * 96)), 0.02);
  assertClose(spread(p.state('u', 10000, { kind: 'normal', std: 0.5 })), 0.5, 0.03);
  p.dispose();
});

test("PyTorch's default is uniform within 1/sqrt(fan_in)", () => {
  const p = new Parameters();
  const weight = p.conv('weight', [3, 3, 64, 64], { kind: 'uniformFanIn' });
  const bias = p.vector('bias', 4096, { kind: 'uniformFanIn', fanIn: 576 });
  for (const x of [weight, bias]) {
    const values = x.dataSync();
    const bound = 1 / 24;
    assert.ok(values.every((v) => Math.abs(v) <= bound));
    assertClose(spread(x as tf.Tensor), bound / Math.sqrt(3), 0.03);
    assertClose(Math.max(...values), bound, 0.01);
  }
  p.dispose();
});

test('a value depends on seed and name alone', () => {
  const make = (seed: number, names: string[]) => {
    const p = new Parameters(seed);
    const values = new Map(names.map((n) => [n, [...p.scope('net').conv(n, [1, 1, 2, 3]).dataSync()]]));
    p.dispose();
    return values;
  };
  const [one, other] = [make(1, ['a', 'b']), make(1, ['b', 'c', 'a'])];
  assert.deepEqual(one.get('a'), other.get('a'));
  assert.deepEqual(one.get('b'), other.get('b'));
  assert.notDeepEqual(one.get('a'), one.get('b'));
  assert.notDeepEqual(make(2, ['a']).get('a'), one.get('a'));
});

test('names, kinds, counts', () => {
  const p = new Parameters();
  const inner = p.scope('head_0').scope('conv_0');
  inner.conv('weight_orig', [3, 3, 2, 5], XAVIER);
  inner.vector('bias', 5);
  inner.state('weight_u', 5, { kind: 'constant', value: 2 });
  p.dense('fc2.weight', [4, 3]);
  assert.deepEqual(
    p.entries().map((e) => [e.name, e.kind, e.trainable, e.variable.shape]),
    [
      ['head_0.conv_0.weight_orig', 'conv', true, [3, 3, 2, 5]],
      ['head_0.conv_0.bias', 'vector', true, [5]],
      ['head_0.conv_0.weight_u', 'vector', false, [5]],
      ['fc2.weight', 'dense', true, [4, 3]],
    ],
  );
  assert.deepEqual(inner.entries(), p.entries());
  assert.equal(p.count, 90 + 5 + 12);
  assertClose(p.entries()[1].variable, [0, 0, 0, 0, 0], 0);
  assertClose(p.entries()[2].variable, [2, 2, 2, 2, 2], 0);
  assert.throws(() => p.scope('fc2').dense('weight', [1, 1]), /fc2\.weight exists already/);
  p.dispose();
});

test('a network whose values come from a file is built without drawing; constants stay', () => {
  const build = () => {
    const p = new Parameters();
    p.conv('weight', [1, 1, 2, 3]);
    p.vector('bias', 3, { kind: 'uniformFanIn', fanIn: 3 });
    p.scope('norm').state('running_var', 2, { kind: 'constant', value: 1 });
    const values = p.entries().map((e) => [...e.variable.dataSync()]);
    p.dispose();
    return values;
  };
  assert.deepEqual(withoutDrawing(build), [
    [0, 0, 0, 0, 0, 0],
    [0, 0, 0],
    [1, 1],
  ]);
  assert.throws(() => withoutDrawing(() => assert.fail('inside')), /inside/);
  assert.ok(
    build()[0].every((v) => v !== 0),
    'drawn again afterwards',
  );
});

test('dispose frees every variable', async () => {
  await assertNoLeak(() => {
    const p = new Parameters();
    p.conv('a', [1, 1, 2, 2]);
    p.vector('b', 3, { kind: 'uniformFanIn', fanIn: 3 });
    p.dispose();
  });
});
