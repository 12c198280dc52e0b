import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose, checkGradient } from '../../proof/testing/close';
import { normalTensor, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { Parameters } from './core/parameters';
import { UPSAMPLINGS, upsampler } from './upsampler';

test("the transposed convolution is PyTorch's", () => {
  const p = new Parameters();
  const up = upsampler('transposed', p, 2, 8);
  const [weight, bias] = p.entries();
  assert.deepEqual([weight.name, weight.kind, bias.name], ['weight', 'convTransposed', 'bias']);
  tf.tidy(() => {
    // PyTorch 2.13: ConvTranspose2d(2, 1, 3, stride=2, padding=1, output_padding=1), weight arange(1, 19).reshape(2, 1, 3, 3), bias 0.5,
    // of arange(12).reshape(1, 2, 2, 3).
    weight.variable.assign(tf.transpose(tf.reshape(tf.range(1, 19), [2, 1, 3, 3]), [2, 3, 1, 0]));
    bias.variable.assign(tf.tensor1d([0.5]));
    const x = tf.transpose(tf.reshape(tf.range(0, 12), [1, 2, 2, 3]), [0, 2, 3, 1]) as tf.Tensor4D;
    assertClose(
      up.apply(x),
      [
        84.5, 185.5, 103.5, 223.5, 122.5, 132.5, 207.5, 448.5, 245.5, 524.5, 283.5, 309.5, 141.5, 299.5, 160.5, 337.5, 179.5, 195.5, 177.5, 377.5, 202.5, 427.5,
        227.5, 243.5,
      ],
      1e-6,
    );
  });
  p.dispose();
});

test('`nearest` repeats pixels, then convolves', () => {
  const p = new Parameters();
  const up = upsampler('nearest', p, 2, 8);
  const [weight, bias] = p.entries().map((e) => e.variable);
  tf.tidy(() => {
    // The kernel's centre alone, 1 and 10 for the two channels.
    weight.assign(
      tf.pad(tf.tensor4d([1, 10], [1, 1, 2, 1]), [
        [1, 1],
        [1, 1],
        [0, 0],
        [0, 0],
      ]),
    );
    bias.assign(tf.tensor1d([100]));
    assertClose(up.apply(tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2])), [121, 121, 143, 143, 121, 121, 143, 143], 0);
  });
  p.dispose();
});

test('every upsampler doubles the size and halves the channels, with right gradients', () => {
  const x = normalTensor([2, 3, 4, 4], 1);
  for (const kind of UPSAMPLINGS) {
    const p = new Parameters();
    const up = upsampler(kind, p, 4, 6);
    scatter(p.entries(), 3);
    tf.tidy(() => assert.deepEqual(up.apply(x).shape, [2, 6, 8, 2], kind));
    assert.equal(up.attention !== undefined, kind === 'sau');
    checkGradient((a) => up.apply(a as tf.Tensor4D), [x, ...p.entries().map((e) => e.variable)], { message: kind });
    p.dispose();
  }
  x.dispose();
});
