import { convolveByTranspose, turned } from '../layers/core/convolution';
import * as tf from '../engine/tf';
import { customGradient } from '../engine/custom_gradient';
import { fitsWinograd, hasOwnKernels, maxPoolGradient, winogradKernel, winogradRelu, winogradReluGradient } from '../engine/own_kernels';
import { IMAGENET_DEVIATION, IMAGENET_MEAN, readVgg19Weights, VGG19_LAYERS, type Vgg19Weights } from './vgg19_weights';

/**
 * What the network is fed, from an image in [-1, 1].
 * - `straight`: the image as it is. The original (like SPADE and pix2pixHD, whose loss it took over) does this with
 *   torchvision's weights, which expect the other: the network sees the picture at 45% of its contrast around mid-grey
 *   (0.226 / 0.5).
 * - `imagenet`: what torchvision's weights were trained on, ((x + 1) / 2 - mean) / deviation of each channel.
 */
export type Vgg19Input = 'straight' | 'imagenet';

/** A convolution's bias, and its kernel as it is multiplied by. */
type Layer = { bias: tf.Tensor1D } & (Direct | { tiles: tf.Tensor3D });

interface Direct {
  kernel: tf.Tensor4D;
  /** The kernel of the transposed convolution. */
  transposed: tf.Tensor4D;
}

/** The layers `features` returns. */
export const VGG19_FEATURES = ['relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1'] as const;

/** Their channels. */
export const VGG19_CHANNELS = [64, 128, 256, 512, 512] as const;

/**
 * The convolutions of VGG19 (Simonyan and Zisserman 2014, configuration E) up to relu5_1, with fixed weights: gradients
 * flow to the image only. Each is 3x3, padded with zeros and followed by a rectifier; a 2x2 maximum stands between the
 * blocks. Where the set-up's own kernels are, the convolutions go Winograd's way.
 */
export class Vgg19 {
  /** Where the weights came from, for tables. */
  readonly name: string;
  private readonly blocks: readonly Layer[][];

  constructor(
    weights: Vgg19Weights,
    readonly input: Vgg19Input = 'straight',
  ) {
    this.name = `VGG19 (${weights.source}), input ${input}`;
    const layers = weights.layers.map(({ kernel: stored, bias }) =>
      tf.tidy((): Layer => {
        const kernel = tf.tensor4d(stored.data, stored.shape as tf.Tensor4D['shape']);
        const own = hasOwnKernels() && fitsWinograd(kernel.shape) ? { tiles: winogradKernel(kernel) } : { kernel, transposed: turned(kernel) };
        return { ...own, bias: tf.tensor1d(bias.data) };
      }),
    );
    layers.forEach((layer) => Object.values(layer).forEach((t) => tf.keep(t)));
    const count = Math.max(...VGG19_LAYERS.map((l) => l.block));
    this.blocks = Array.from({ length: count }, (_, i) => layers.filter((_, k) => VGG19_LAYERS[k].block === i + 1));
  }

  /** Reads the weights from a file or folder (see `readVgg19Weights`). */
  static async load(path: string, input: Vgg19Input = 'straight'): Promise<Vgg19> {
    return new Vgg19(await readVgg19Weights(path), input);
  }

  /**
   * x [B,H,W,3] RGB in [-1, 1], H and W at least 16 -> the five of `VGG19_FEATURES`, [B, H/2^i, W/2^i, 64 | 128 | 256 |
   * 512 | 512], i = 0..4, rounded down.
   */
  features(x: tf.Tensor4D): tf.Tensor4D[] {
    const out: tf.Tensor4D[] = [];
    let y = this.normalise(x);
    this.blocks.forEach((block, i) => {
      if (i > 0) y = halve(y);
      block.forEach((layer, k) => {
        y = convRelu(y, layer);
        if (k === 0) out.push(y);
      });
    });
    return out;
  }

  /** The same network, fed otherwise. They share their weights: dispose of one only. */
  fed(input: Vgg19Input): Vgg19 {
    return Object.assign(Object.create(Vgg19.prototype) as Vgg19, this, { input, name: this.name.replace(/input \w+$/, `input ${input}`) });
  }

  dispose(): void {
    tf.dispose(this.blocks);
  }

  private normalise(x: tf.Tensor4D): tf.Tensor4D {
    if (this.input === 'straight') return x;
    const scale = IMAGENET_DEVIATION.map((d) => 0.5 / d);
    const shift = IMAGENET_MEAN.map((m, c) => (0.5 - m) / IMAGENET_DEVIATION[c]);
    return tf.add(tf.mul(x, tf.tensor1d(scale)), tf.tensor1d(shift));
  }
}

/**
 * max(0, conv(x) + bias), whose gradient goes to x only and keeps nothing but the output: the composed one would keep
 * three maps a layer.
 */
function convRelu(x: tf.Tensor4D, layer: Layer): tf.Tensor4D {
  return customGradient([x], (save, input) => {
    const y = 'tiles' in layer ? winogradRelu(input, layer.tiles, layer.bias) : directRelu(input, layer, layer.bias);
    save([y]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [kept]: tf.Tensor[]) =>
        'tiles' in layer
          ? winogradReluGradient(dy as tf.Tensor4D, kept as tf.Tensor4D, layer.tiles)
          : tf.tidy(() => convolveBy(reluGradient(dy, kept) as tf.Tensor4D, layer.transposed, layer.kernel)),
    };
  }) as tf.Tensor4D;
}

const directRelu = (x: tf.Tensor4D, { kernel, transposed }: Direct, bias: tf.Tensor1D) =>
  tf.relu(tf.add(convolveBy(x, kernel, transposed), bias)) as tf.Tensor4D;

/** The maximum of each 2x2. */
function halve(x: tf.Tensor4D): tf.Tensor4D {
  if (!hasOwnKernels() || !fitsWinograd([3, 3, x.shape[3], x.shape[3]])) return tf.maxPool(x, 2, 2, 'valid');
  return customGradient([x], (save, input) => {
    const y = tf.maxPool(input, 2, 2, 'valid');
    save([input, y]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [kept, largest]: tf.Tensor[]) => maxPoolGradient(kept as tf.Tensor4D, largest as tf.Tensor4D, dy as tf.Tensor4D),
    };
  }) as tf.Tensor4D;
}

/** A 3x3 convolution padded with zeros; `transposed` is its kernel turned. */
const convolveBy = (x: tf.Tensor4D, kernel: tf.Tensor4D, transposed: tf.Tensor4D): tf.Tensor4D =>
  tf.hasOneDnnKernels() ? convolveByTranspose(x, transposed) : tf.conv2d(x, kernel, 1, 'same');

function reluGradient(dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  if (tf.hasNativeKernels()) return tf.runKernel('ReluGrad', { T: 'float32' }, [dy, y])[0];
  return tf.mul(dy, tf.step(y));
}
