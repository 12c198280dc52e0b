import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, assertNoLeak, checkGradient, normals } from '../../proof/testing/close';
import * as tf from '../engine/tf';
import { ChannelAttention } from './channel_attention';
import { Parameters } from './core/parameters';

function random(shape: [number, number, number, number], seed: number): tf.Tensor4D {
  return tf.tensor4d(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, normals(seed)), shape);
}

/** Sets parameters by name; names in the order of creation. */
function set(p: Parameters, values: Record<string, number[]>): void {
  for (const { name, variable } of p.entries()) tf.tidy(() => variable.assign(tf.tensor(values[name], variable.shape)));
}

test('the factors of two channels, as by hand', () => {
  const p = new Parameters();
  const attention = new ChannelAttention(p, 2, 2);
  assert.deepEqual(
    p.entries().map((e) => [e.name, e.variable.shape]),
    [
      ['conv_du.0.weight', [1, 1, 2, 1]],
      ['conv_du.0.bias', [1]],
      ['conv_du.2.weight', [1, 1, 1, 2]],
      ['conv_du.2.bias', [2]],
    ],
  );
  set(p, { 'conv_du.0.weight': [1, 2], 'conv_du.0.bias': [-5], 'conv_du.2.weight': [1, -2], 'conv_du.2.bias': [0, 1] });
  // Two images of 1x2 pixels. Channel means: (2, 3) and (1, 1).
  const x = tf.tensor4d([1, 2, 3, 4, 0, 2, 2, 0], [2, 1, 2, 2]);
  // Hidden: relu(2 + 6 - 5) = 3, relu(1 + 2 - 5) = 0; factors sigmoid(3), sigmoid(1 - 6) and sigmoid(0), sigmoid(1).
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  const [a, b, c, d] = [sigmoid(3), sigmoid(-5), 0.5, sigmoid(1)];
  assertClose(attention.weights(x), [a, b, c, d], 1e-6);
  assertClose(attention.apply(x), [a, 2 * b, 3 * a, 4 * b, 0, 2 * d, 2 * c, 0], 1e-6);
});

test('its gradients agree with finite differences', () => {
  const p = new Parameters(3);
  const attention = new ChannelAttention(p, 8, 4);
  // Away from 0, so that no step crosses the kink of the hidden relu.
  set(p, {
    'conv_du.0.weight': Array.from({ length: 16 }, (_, i) => 0.3 * Math.sin(i)),
    'conv_du.0.bias': [1.5, 2],
    'conv_du.2.weight': Array.from({ length: 16 }, (_, i) => 0.5 * Math.cos(i)),
    'conv_du.2.bias': Array.from({ length: 8 }, (_, i) => i / 8 - 0.5),
  });
  const x = random([2, 3, 4, 8], 1);
  checkGradient((t) => attention.apply(t as tf.Tensor4D), [x]);
  for (const { name, variable } of p.entries()) checkGradient(() => attention.apply(x), [variable], { message: name });
});

test('it makes no tensors that stay', async () => {
  const attention = new ChannelAttention(new Parameters(), 4, 2);
  const x = random([1, 2, 2, 4], 2);
  await assertNoLeak(() => tf.dispose(tf.tidy(() => attention.apply(x))));
});
