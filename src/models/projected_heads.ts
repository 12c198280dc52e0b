import { leakyRelu } from '../layers/core/activation';
import type { Parameters } from '../layers/core/parameters';
import { NormedConvolution } from '../layers/normed_convolution';
import * as tf from '../engine/tf';
import { VGG19_CHANNELS, VGG19_FEATURES, type Vgg19 } from '../judges/vgg19';

/** Which of VGG19's five features are judged: all but the finest, whose channels are edges and colours, from half of the image's size down. */
const LEVELS = VGG19_FEATURES.map((feature, level) => ({ feature, level, factor: 2 ** level, channels: VGG19_CHANNELS[level] })).slice(1);

/** What the names of the heads' parameters in a discriminator begin with. */
export const HEADS = 'projected';

/** Channels of a head. */
const WIDTH = 64;

/**
 * A second opinion for a discriminator, by features that are learnt already (Projected GANs, 2111.01007): at each of four sizes a small network
 * says of every pixel of VGG19's features, beside the label map, whether it is of a photo. VGG19 stays as it is and learns nothing; the heads
 * have few weights to learn, and see in hundreds of steps what a discriminator of its own takes tens of thousands for.
 *
 * Other than in the paper there is no random projection, the label map is seen, and the features of each image are scaled to mean square 1.
 * All images go through VGG19 at once, and its layers' outputs stay until the gradient is taken: at full size that is much memory.
 */
export class ProjectedHeads {
  private readonly heads: Head[];

  /** @param vgg fed `imagenet`, what it was trained on; the caller disposes of it */
  constructor(
    p: Parameters,
    classes: number,
    private readonly vgg: Pick<Vgg19, 'features'>,
  ) {
    this.heads = LEVELS.map(({ feature, channels }) => new Head(p.scope(feature), channels, classes));
  }

  /**
   * @param oneHot label maps, [B,H,W,classes]
   * @param images [n*B,H,W,3] in -1..1, H and W at least 16: n images for each label map, all first ones before all second ones
   * @param training takes one power iteration of spectral norm first
   * @returns scores, [n*B,H/2^i,W/2^i,1] for i = 1..4
   */
  forward(oneHot: tf.Tensor4D, images: tf.Tensor4D, training = false): tf.Tensor4D[] {
    const features = this.vgg.features(images);
    const copies = images.shape[0] / oneHot.shape[0];
    return this.heads.map((head, i) => {
      const { level, factor } = LEVELS[i];
      const labels = tf.avgPool(oneHot, factor, factor, 'valid');
      return head.apply(features[level], copies > 1 ? (tf.concat(Array<tf.Tensor4D>(copies).fill(labels)) as tf.Tensor4D) : labels, training);
    });
  }
}

/** features [B,h,w,channels], shares of the classes [B,h,w,classes] -> scores [B,h,w,1] */
class Head {
  private readonly image: NormedConvolution;
  private readonly labels: NormedConvolution;
  private readonly hidden: NormedConvolution;
  private readonly score: NormedConvolution;

  constructor(p: Parameters, channels: number, classes: number) {
    this.image = new NormedConvolution(p.scope('image'), channels, WIDTH, { kernel: 1 });
    this.labels = new NormedConvolution(p.scope('labels'), classes, WIDTH, { kernel: 1 });
    this.hidden = new NormedConvolution(p.scope('hidden'), WIDTH, WIDTH, { kernel: 3, padding: 1 });
    this.score = new NormedConvolution(p.scope('score'), WIDTH, 1, { kernel: 1 });
  }

  apply(features: tf.Tensor4D, classes: tf.Tensor4D, training: boolean): tf.Tensor4D {
    // A picture that VGG19 sees nothing in has features of zero.
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(features), [1, 2, 3], true), 1e-6));
    const image = this.image.apply(tf.mul(features, scale) as tf.Tensor4D, training);
    const seen = leakyRelu(tf.add(image, this.labels.apply(classes, training)) as tf.Tensor4D);
    return this.score.apply(leakyRelu(this.hidden.apply(seen, training)), training);
  }
}
