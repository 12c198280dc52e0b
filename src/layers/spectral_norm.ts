import { customGradient } from '../engine/custom_gradient';
import { hasOwnKernels, spectralNorm, spectralNormGradient } from '../engine/own_kernels';
import * as tf from '../engine/tf';
import type { Parameters } from './core/parameters';

/**
 * Spectral norm (1802.05957): a kernel divided by its largest singular value as a matrix [out, in*kh*kw], which the vectors
 * `weight_u` and `weight_v` follow by one power iteration (algorithm 1) at every training pass. The gradient takes u and v as constants.
 */
export class SpectralNorm {
  private readonly u: tf.Tensor1D & tf.Variable;
  private readonly v: tf.Tensor1D & tf.Variable;

  /** `weight` [kh,kw,in,out]. u and v are kept in the original's order, v by [in, kh, kw]. */
  constructor(
    p: Parameters,
    private readonly weight: tf.Tensor4D,
  ) {
    const [kh, kw, cin, cout] = weight.shape;
    this.u = p.state('weight_u', cout, { kind: 'normal', std: 1 / Math.sqrt(cout) });
    this.v = p.state('weight_v', kh * kw * cin, { kind: 'normal', std: 1 / Math.sqrt(kh * kw * cin) });
    // Random u and v give a random sigma, possibly near 0: a network used before its first training step would overflow its tanh.
    if (p.drawn) this.iterate();
  }

  /** The normalised kernel [kh,kw,in,out]. */
  apply(training: boolean): tf.Tensor4D {
    return training && hasOwnKernels() ? this.atOnce() : this.asWritten(training);
  }

  asWritten(training: boolean): tf.Tensor4D {
    if (training) this.iterate();
    const sigma = tf.sum(tf.mul(tf.matMul(this.rows(), this.weightMatrix()), tf.reshape(this.u, [1, -1])));
    return tf.div(this.weight, sigma);
  }

  /** The same in one pass of a kernel of our own. */
  private atOnce(): tf.Tensor4D {
    return customGradient([this.weight], (save, weight) => {
      const { normed, u, v, sigma } = spectralNorm(weight, this.u);
      this.u.assign(u);
      this.v.assign(v);
      save([weight, u, v, sigma]);
      return { value: normed, gradFunc: (dy: tf.Tensor, [w, u1, v1, s]: tf.Tensor[]) => spectralNormGradient(dy, w, u1, v1, s) };
    });
  }

  private iterate(): void {
    tf.tidy(() => {
      const [kh, kw, cin, cout] = this.weight.shape;
      const matrix = this.weightMatrix();
      const v = normalise(tf.matMul(matrix, tf.reshape(this.u, [cout, 1]) as tf.Tensor2D));
      const u = normalise(tf.matMul(v, matrix, true));
      this.v.assign(tf.reshape(tf.transpose(tf.reshape(v, [kh, kw, cin]), [2, 0, 1]), [-1]));
      this.u.assign(tf.reshape(u, [-1]));
    });
  }

  private weightMatrix(): tf.Tensor2D {
    return tf.reshape(this.weight, [-1, this.weight.shape[3]]);
  }

  /** v as a row in the order of the weight matrix, [1, kh*kw*in]. */
  private rows(): tf.Tensor2D {
    const [kh, kw, cin] = this.weight.shape;
    return tf.reshape(tf.transpose(tf.reshape(this.v, [cin, kh, kw]), [1, 2, 0]), [1, -1]);
  }
}

/**
 * The vectors of spectral norm for a kernel in the original's order, [out, in*kh*kw], that came without them: 15 power iterations, as many as
 * PyTorch's parametrisation takes at the start.
 */
export function singularVectors(weight: Float32Array, out: number): { u: Float32Array; v: Float32Array } {
  const [u, v] = tf.tidy(() => {
    const matrix = tf.tensor2d(weight, [out, weight.length / out]);
    // No direction is preferred, and none of a trained kernel's will be orthogonal to it by construction.
    let u = normalise(tf.sin(tf.reshape(tf.range(1, out + 1), [out, 1])) as tf.Tensor2D);
    let v = u;
    for (let i = 0; i < 15; i++) {
      v = normalise(tf.matMul(matrix, u, true));
      u = normalise(tf.matMul(matrix, v));
    }
    return [u, v];
  });
  const vectors = { u: u.dataSync() as Float32Array, v: v.dataSync() as Float32Array };
  tf.dispose([u, v]);
  return vectors;
}

const normalise = (x: tf.Tensor2D) => tf.div(x, tf.maximum(tf.norm(x), 1e-12)) as tf.Tensor2D;
