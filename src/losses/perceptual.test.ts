import test from 'node:test';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { normalTensor, randomVgg } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { perceptualLoss, realFeatures } from './perceptual';

test('taken image by image, the loss and its gradient are those of all images at once', async () => {
  const vgg = randomVgg();
  const real = normalTensor([2, 16, 20, 3], 1, 0.5);
  const fake = normalTensor([4, 16, 20, 3], 2, 0.5);
  const targets = realFeatures(vgg, real);
  tf.tidy(() => {
    const atOnce = perceptualLoss(vgg, fake, targets);
    const { value, grad } = tf.valueAndGrad((x) => tf.mul(3, perceptualLoss(vgg, tf.mul(x, 1) as tf.Tensor4D, targets)))(fake);
    assertClose(value, tf.mul(atOnce, 3), 1e-6);
    // Against the composed gradient: the targets repeated, every layer on the tape of TensorFlow.js.
    const composed = tf.grad((x) => {
      const terms = vgg.features(x as tf.Tensor4D).map((f, i) => {
        const weight = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1][i];
        return tf.mul(tf.mean(tf.abs(tf.sub(f, tf.concat([targets[i], targets[i]])))), 3 * weight);
      });
      return tf.addN(terms);
    })(fake);
    // The gradient of |a - b| jumps: a term that float32 rounds the other way changes its sign.
    assertClose(grad, composed, 1e-4);
  });
  await assertNoLeak(() => tf.tidy(() => void tf.grad((x) => perceptualLoss(vgg, x as tf.Tensor4D, targets))(fake)));
  tf.dispose([real, fake, targets]);
  vgg.dispose();
});
