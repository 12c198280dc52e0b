import test from 'node:test';
import { assertClose, assertNoLeak } from '../../../proof/testing/close';
import * as tf from '../../engine/tf';
import { leakyRelu, relu, tanh } from './activation';

const x = Float32Array.of(-2, -0.5, 0, 0.25, 1, 3);
const dy = Float32Array.of(1, 2, 3, 4, 5, 6);

// Values and slopes by hand; at 0 TensorFlow and PyTorch take the slope of the negative side.
const CASES = {
  relu: [relu, (v: number) => Math.max(v, 0), (v: number) => (v > 0 ? 1 : 0)],
  leakyRelu: [leakyRelu, (v: number) => (v > 0 ? v : 0.2 * v), (v: number) => (v > 0 ? 1 : 0.2)],
  tanh: [tanh, Math.tanh, (v: number) => 1 - Math.tanh(v) ** 2],
} as const;

for (const [name, [f, value, slope]] of Object.entries(CASES)) {
  test(`${name}: value and gradient`, async () => {
    await assertNoLeak(() => {
      tf.tidy(() => {
        const input = tf.tensor4d(x, [1, 1, 2, 3]);
        const result = tf.valueAndGrad((t: tf.Tensor) => f(t as tf.Tensor4D))(input, tf.tensor4d(dy, [1, 1, 2, 3]));
        assertClose(result.value, x.map(value), 1e-6);
        assertClose(
          result.grad,
          x.map((v, i) => slope(v) * dy[i]),
          1e-6,
        );
      });
    });
  });
}
