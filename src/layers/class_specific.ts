import * as tf from '../engine/tf';
import type { LabelMap } from '../data/types';
import { tanh } from './core/activation';
import { Convolution } from './core/convolution';
import type { LabelPyramid } from './neighbourhoods/label_pyramid';
import { pad2d } from './core/padding';
import type { Parameters } from './core/parameters';

/** Images by class index. */
export type PerClass = Record<number, tf.Tensor4D>;

/** What each class paints on its own pixels, and the picture put together from it. */
export interface ClassSpecificOutput {
  /** The local image, [B,H,W,3] in -1..1. */
  local: tf.Tensor4D;
  /** The image of each class that is present in the batch, [B,H,W,3] in -1..1. */
  perClass: PerClass;
  /** What a class paints where it is absent, one colour each: tanh of its bias, [classes,3]. */
  constants: tf.Tensor2D;
}

/**
 * LGGAN's class-specific generator (1912.12215, section 3.3): the features are masked by each class, a 7x7 convolution of that class
 * alone turns them into an image, and a 3x3 convolution over all these images gives the local one.
 *
 * Features outside a class are zero, so its convolution is computed on the bounding box of the class widened by 3 pixels; elsewhere
 * the image is tanh(bias). The classes that are absent from the batch enter the last convolution as one channel of ones.
 */
export class ClassSpecificGenerator {
  private readonly perClass: Convolution[];
  private readonly combine: Convolution;

  constructor(p: Parameters, private readonly channels: number, classes: number) {
    this.perClass = Array.from(
      { length: classes },
      (_, c) => new Convolution(p.scope(`deconv5_${c}`), channels, 3, { kernel: 7 }),
    );
    this.combine = new Convolution(p.scope('deconv9'), 3 * classes, 3, { kernel: 3, padding: 1 });
  }

  /** features [B,H,W,C], labels of the same size. */
  apply(features: tf.Tensor4D, labels: LabelPyramid): ClassSpecificOutput {
    const constants = this.constants();
    const padded = pad2d(features, 3, 'reflect');
    const masks = labels.at(labels.height, labels.width).oneHot;
    const perClass: PerClass = {};
    for (const c of labels.present) perClass[c] = this.paint(c, padded, masks, boundingBox(labels.maps, c));
    const local = tanh(this.combineImages(perClass, constants, labels));
    return { local, perClass, constants };
  }

  /** The definition: every class over the whole map. */
  applyDense(features: tf.Tensor4D, labels: LabelPyramid): ClassSpecificOutput {
    const masks = tf.split(labels.at(labels.height, labels.width).oneHot, this.perClass.length, 3);
    const images = this.perClass.map((conv, c) => {
      return tf.tanh(conv.apply(pad2d(tf.mul(features, masks[c]), 3, 'reflect'))) as tf.Tensor4D;
    });
    const constants = this.constants();
    const local = tf.tanh(this.combine.apply(tf.concat(images, 3))) as tf.Tensor4D;
    return { local, perClass: { ...images }, constants };
  }

  private constants(): tf.Tensor2D {
    return tf.tanh(tf.stack(this.perClass.map((c) => c.bias!)) as tf.Tensor2D);
  }

  private paint(c: number, padded: tf.Tensor4D, masks: tf.Tensor4D, box: Box): tf.Tensor4D {
    const [b, height, width] = masks.shape;
    const { top, left, bottom, right } = box;
    const rows = bottom - top;
    const columns = right - left;
    const features = tf.slice(padded, [0, top, left, 0], [b, rows + 6, columns + 6, this.channels]);
    const mask = pad2d(tf.slice(masks, [0, 0, 0, c], [b, height, width, 1]), 3, 'reflect');
    const masked = tf.mul(features, tf.slice(mask, [0, top, left, 0], [b, rows + 6, columns + 6, 1])) as tf.Tensor4D;
    const inBox = tf.conv2d(masked, this.perClass[c].weight, 1, 'valid');
    const image = tf.pad(inBox, [[0, 0], [top, height - bottom], [left, width - right], [0, 0]]);
    return tanh(tf.add(image, this.perClass[c].bias!));
  }

  private combineImages(perClass: PerClass, constants: tf.Tensor2D, labels: LabelPyramid): tf.Tensor4D {
    const channelsOf = (classes: readonly number[]) => tf.tensor1d(classes.flatMap((c) => [3 * c, 3 * c + 1, 3 * c + 2]), 'int32');
    const { present } = labels;
    const absent = this.perClass.map((_, c) => c).filter((c) => !present.includes(c));
    const weight = this.combine.weight;
    const inputs = present.map((c) => perClass[c]);
    const kernels: tf.Tensor4D[] = present.length ? [tf.gather(weight, channelsOf(present), 2)] : [];
    if (absent.length) {
      const values = tf.reshape(tf.gather(constants, tf.tensor1d(absent, 'int32')), [1, 1, -1, 1]);
      kernels.push(tf.sum(tf.mul(tf.gather(weight, channelsOf(absent), 2), values), 2, true));
      inputs.push(tf.ones([labels.batch, labels.height, labels.width, 1]));
    }
    const images = tf.conv2d(tf.concat(inputs, 3), tf.concat(kernels, 2), 1, 'same');
    return tf.add(images, this.combine.bias!);
  }
}

interface Box {
  top: number;
  left: number;
  /** Exclusive, as `right`. */
  bottom: number;
  right: number;
}

/** Where a 7x7 convolution can see the class in any map of the batch: its bounding box widened by 3, cut at the border. */
function boundingBox(maps: readonly LabelMap[], c: number): Box {
  const [{ height, width }] = maps;
  const box = { top: height, left: width, bottom: 0, right: 0 };
  for (const { data } of maps) {
    for (let y = 0; y < height; y++) {
      const first = data.indexOf(c, y * width) - y * width;
      if (first < 0 || first >= width) continue;
      const last = data.lastIndexOf(c, (y + 1) * width - 1) - y * width;
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
      box.left = Math.min(box.left, first);
      box.right = Math.max(box.right, last + 1);
    }
  }
  return {
    top: Math.max(0, box.top - 3),
    left: Math.max(0, box.left - 3),
    bottom: Math.min(height, box.bottom + 3),
    right: Math.min(width, box.right + 3),
  };
}
