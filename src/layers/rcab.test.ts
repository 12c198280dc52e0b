import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, assertNoLeak, checkGradient, normals } from '../../proof/testing/close';
import * as tf from '../engine/tf';
import { Parameters } from './core/parameters';
import { Rcab, ResidualGroup } from './rcab';

const random = (shape: [number, number, number, number], seed: number) =>
  tf.tensor4d(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, normals(seed)), shape);

function set(p: Parameters, value: (name: string, i: number) => number): void {
  for (const { name, variable } of p.entries()) {
    const values = Float32Array.from({ length: variable.size }, (_, i) => value(name, i));
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
}

test('a block of one channel, as by hand', () => {
  const p = new Parameters();
  const block = new Rcab(p, 1, 1);
  // conv0 takes the left neighbour less 1, conv2 doubles; the attention's factor is sigmoid(relu(mean)) of it.
  set(p, (name, i) => {
    if (name === 'body.0.weight') return i === 3 ? 1 : 0;
    if (name === 'body.0.bias') return -1;
    if (name === 'body.2.weight') return i === 4 ? 2 : 0;
    return name.endsWith('weight') ? 1 : 0;
  });
  const x = tf.tensor4d([1, 3, 2], [1, 1, 3, 1]);
  // relu([0, 1, 3] - 1) = [0, 0, 2]; doubled [0, 0, 4]; mean 4/3.
  const factor = 1 / (1 + Math.exp(-4 / 3));
  assertClose(block.apply(x), [1, 3, 2 + 4 * factor], 1e-6);
});

test('names are those of the original', () => {
  const p = new Parameters();
  new ResidualGroup(p.scope('body.1'), 4, 2, 2);
  const names = p
    .entries()
    .map((e) => e.name)
    .filter((n) => n.endsWith('.weight'));
  assert.deepEqual(names, [
    'body.1.body.0.body.0.weight',
    'body.1.body.0.body.2.weight',
    'body.1.body.0.body.3.conv_du.0.weight',
    'body.1.body.0.body.3.conv_du.2.weight',
    'body.1.body.1.body.0.weight',
    'body.1.body.1.body.2.weight',
    'body.1.body.1.body.3.conv_du.0.weight',
    'body.1.body.1.body.3.conv_du.2.weight',
    'body.1.body.2.weight',
  ]);
});

test('a group whose closing convolution is 0 passes its input on, and else adds to it', () => {
  const p = new Parameters();
  const group = new ResidualGroup(p, 4, 2, 2);
  const x = random([1, 5, 6, 4], 1);
  assert.ok(tf.max(tf.abs(tf.sub(group.apply(x), x))).dataSync()[0] > 1e-3);
  for (const { name, variable } of p.entries()) if (name.startsWith('body.2.')) variable.assign(tf.zerosLike(variable));
  assertClose(group.apply(x), x, 0);
});

test('gradients of a group agree with finite differences, and those of a chain of freed blocks are complete', async () => {
  const p = new Parameters(5);
  const group = new ResidualGroup(p, 4, 2, 2);
  // Biases that keep every relu well inside its linear part or well outside: a step over a kink would be measured as an error.
  set(p, (name, i) => {
    if (/body\.\d\.body\.0\.bias|conv_du\.0\.bias/.test(name)) return i % 2 ? 6 : -6;
    return 0.2 * Math.sin(2.3 * i + name.length);
  });
  const x = random([1, 4, 5, 4], 2);
  checkGradient((t) => group.apply(t as tf.Tensor4D), [x]);
  // The attention's weights move the output little against its rounding, so the step is larger than the default.
  for (const { name, variable } of p.entries()) checkGradient(() => group.apply(x), [variable], { message: name, eps: 0.1 });
  await assertNoLeak(() => tf.dispose(tf.grad((t) => tf.sum(group.apply(t as tf.Tensor4D)))(x)));
  await assertNoLeak(() => tf.dispose(group.apply(x)));
});

test('weights and biases start as PyTorch starts them: uniform in +-1/sqrt(9 C)', () => {
  const p = new Parameters(1);
  new Rcab(p, 32, 4);
  for (const name of ['body.0.weight', 'body.0.bias']) {
    const values = p
      .entries()
      .find((e) => e.name === name)!
      .variable.dataSync<'float32'>();
    const bound = 1 / Math.sqrt(9 * 32);
    const largest = Math.max(...values.map(Math.abs));
    const rms = Math.sqrt(values.reduce((s, v) => s + v * v, 0) / values.length);
    assert.ok(largest <= bound && largest > 0.9 * bound, `${name}: largest ${largest}, bound ${bound}`);
    // The root mean square of a uniform distribution is bound/sqrt(3); 32 numbers determine it to about 8%.
    assert.ok(Math.abs(rms * Math.sqrt(3) - bound) < 0.25 * bound, `${name}: rms ${rms}`);
  }
});
