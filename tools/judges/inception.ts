import type { RgbImage } from '../../src/data/types';
import * as tf from '../../src/engine/tf';
import type { FeatureNetwork } from './feature_network';
import { INCEPTION_SHA256, readInceptionWeights, type InceptionLayer, type InceptionWeights } from './inception_weights';

const SIDE = 299;
const EPSILON = 0.001;

/**
 * The network of the Frechet inception distance: InceptionV3 as released on 2015-12-05 (Szegedy et al. 2015; Heusel et
 * al. 2017), which differs from the usual ImageNet InceptionV3 in that average pools do not count padding and the last
 * block pools by maximum. Its features are the 2048 means over the last 8x8 map.
 *
 * Images are prepared as pytorch-fid does: RGB to [0, 1], bilinear to 299x299 from pixel centres without low-pass
 * filter (TensorFlow's
 * `resize_bilinear` of the first FID code differs), then to [-1, 1].
 */
export class Inception implements FeatureNetwork {
  readonly name = `InceptionV3 2015-12-05 (FID), 2048 features, sha256 ${INCEPTION_SHA256.slice(0, 8)}`;
  readonly canonical = true;
  readonly dimensions = 2048;
  private readonly layers = new Map<string, { kernel: tf.Tensor4D; bias: tf.Tensor1D; layer: InceptionLayer }>();

  constructor(weights: readonly InceptionWeights[]) {
    for (const w of weights) this.layers.set(w.layer.name, { layer: w.layer, ...fold(w) });
  }

  /** Reads the weights (see `readInceptionWeights`; `findInception` looks for them). */
  static async load(file: string): Promise<Inception> {
    return new Inception(await readInceptionWeights(file));
  }

  /** Images of one size, 8-bit -> [B, 2048]. */
  features(images: readonly RgbImage[]): tf.Tensor2D {
    return tf.tidy(() => this.pool(prepare(images)));
  }

  /** x [B,299,299,3] in [-1, 1] -> [B, 2048]. */
  pool(x: tf.Tensor4D): tf.Tensor2D {
    let y = this.conv('conv', x);
    y = this.conv('conv_2', this.conv('conv_1', y));
    y = tf.maxPool(y, 3, 2, 'valid');
    y = this.conv('conv_4', this.conv('conv_3', y));
    y = tf.maxPool(y, 3, 2, 'valid');
    for (const name of ['mixed', 'mixed_1', 'mixed_2']) y = this.blockA(name, y);
    y = tf.concat([this.conv('mixed_3.conv', y), this.chain('mixed_3.tower', y, 3), tf.maxPool(y, 3, 2, 'valid')], 3) as tf.Tensor4D;
    for (const name of ['mixed_4', 'mixed_5', 'mixed_6', 'mixed_7']) y = this.blockC(name, y);
    y = tf.concat([this.chain('mixed_8.tower', y, 2), this.chain('mixed_8.tower_1', y, 4), tf.maxPool(y, 3, 2, 'valid')], 3) as tf.Tensor4D;
    y = this.blockE('mixed_9', y, (t) => tf.avgPool(t, 3, 1, 'same'));
    y = this.blockE('mixed_10', y, (t) => tf.maxPool(t, 3, 1, 'same'));
    return tf.mean(y, [1, 2]) as tf.Tensor2D;
  }

  dispose(): void {
    for (const { kernel, bias } of this.layers.values()) tf.dispose([kernel, bias]);
  }

  private conv(name: string, x: tf.Tensor4D): tf.Tensor4D {
    const found = this.layers.get(name);
    if (!found) throw new Error(`Inception has no layer ${name}`);
    const { kernel, bias, layer } = found;
    return tf.relu(tf.add(tf.conv2d(x, kernel, layer.stride, layer.padding), bias)) as tf.Tensor4D;
  }

  /** `name.conv`, `name.conv_1`, ... one after the other. */
  private chain(name: string, x: tf.Tensor4D, count: number): tf.Tensor4D {
    let y = x;
    for (let i = 0; i < count; i++) y = this.conv(i === 0 ? `${name}.conv` : `${name}.conv_${i}`, y);
    return y;
  }

  private blockA(name: string, x: tf.Tensor4D): tf.Tensor4D {
    const pooled = this.conv(`${name}.tower_2.conv`, tf.avgPool(x, 3, 1, 'same'));
    return tf.concat([this.conv(`${name}.conv`, x), this.chain(`${name}.tower`, x, 2), this.chain(`${name}.tower_1`, x, 3), pooled], 3);
  }

  private blockC(name: string, x: tf.Tensor4D): tf.Tensor4D {
    const pooled = this.conv(`${name}.tower_2.conv`, tf.avgPool(x, 3, 1, 'same'));
    return tf.concat([this.conv(`${name}.conv`, x), this.chain(`${name}.tower`, x, 3), this.chain(`${name}.tower_1`, x, 5), pooled], 3);
  }

  private blockE(name: string, x: tf.Tensor4D, pool: (t: tf.Tensor4D) => tf.Tensor4D): tf.Tensor4D {
    const a = this.conv(`${name}.tower_conv`, x);
    const b = this.conv(`${name}.tower_1_conv_1`, this.conv(`${name}.tower_1_conv`, x));
    const parts = [
      this.conv(`${name}.conv`, x),
      this.conv(`${name}.tower_mixed_conv`, a),
      this.conv(`${name}.tower_mixed_conv_1`, a),
      this.conv(`${name}.tower_1_mixed_conv`, b),
      this.conv(`${name}.tower_1_mixed_conv_1`, b),
      this.conv(`${name}.tower_2_conv`, pool(x)),
    ];
    return tf.concat(parts, 3);
  }
}

function prepare(images: readonly RgbImage[]): tf.Tensor4D {
  const { height, width } = images[0];
  const batch = tf.stack(images.map((i) => tf.tensor3d(i.data, [height, width, 3], 'int32'))) as tf.Tensor4D;
  // Divided first, as pytorch-fid does: TensorFlow rounds the same way then.
  const resized = tf.image.resizeBilinear(tf.div(tf.cast(batch, 'float32'), 255) as tf.Tensor4D, [SIDE, SIDE], false, true);
  return tf.sub(tf.mul(resized, 2), 1);
}

/**
 * Batch norm with fixed statistics is a factor and a summand: they go into kernel and bias, once. Kernel [out,in,kh,kw]
 * -> [kh,kw,in,out].
 */
function fold({ layer, kernel, beta, mean, variance }: InceptionWeights): { kernel: tf.Tensor4D; bias: tf.Tensor1D } {
  const factor = variance.map((v) => 1 / Math.sqrt(v + EPSILON));
  return tf.tidy(() => {
    const [kh, kw] = layer.kernel;
    const stored = tf.transpose(tf.tensor4d(kernel, [layer.cout, layer.cin, kh, kw]), [2, 3, 1, 0]);
    return {
      kernel: tf.keep(tf.mul(stored, tf.tensor1d(factor))) as tf.Tensor4D,
      bias: tf.keep(tf.tensor1d(beta.map((b, i) => b - mean[i] * factor[i]))),
    };
  });
}
