import * as tf from '../engine/tf';
import { tanh } from './core/activation';
import { Convolution } from './core/convolution';
import { gatherRows } from './core/rows';
import { boundingBoxes, type ClassBox } from './neighbourhoods/bounding_box';
import type { ClassSlots } from './neighbourhoods/class_slots';
import type { LabelPyramid } from './neighbourhoods/label_pyramid';
import { paintSlots } from './paint_slots';
import { pad2d, padZeros } from './core/padding';
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
  /** In place of `perClass` where the label maps were prepared for a compiled function: the images of its slots (`ClassSlots`), [B,H,W,3*S]. */
  inSlots?: tf.Tensor4D;
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

  constructor(
    p: Parameters,
    private readonly channels: number,
    classes: number,
  ) {
    this.perClass = Array.from({ length: classes }, (_, c) => new Convolution(p.scope(`deconv5_${c}`), channels, 3, { kernel: 7 }));
    this.combine = new Convolution(p.scope('deconv9'), 3 * classes, 3, { kernel: 3, padding: 1 });
  }

  /** Every class over the whole map. features [B,H,W,C], labels of the same size. */
  asWritten(features: tf.Tensor4D, labels: LabelPyramid): ClassSpecificOutput {
    const masks = tf.split(labels.at(labels.height, labels.width).oneHot, this.perClass.length, 3);
    const images = this.perClass.map((conv, c) => {
      return tf.tanh(conv.apply(pad2d(tf.mul(features, masks[c]), 3, 'reflect'))) as tf.Tensor4D;
    });
    const constants = this.constants();
    const local = tf.tanh(this.combine.apply(tf.concat(images, 3))) as tf.Tensor4D;
    return { local, perClass: { ...images }, constants };
  }

  /** The same as `asWritten`, each class in its box. */
  apply(features: tf.Tensor4D, labels: LabelPyramid): ClassSpecificOutput {
    const constants = this.constants();
    const padded = pad2d(features, 3, 'reflect');
    const masks = labels.at(labels.height, labels.width).oneHot;
    if (labels.slots) return this.applyInSlots(padded, masks, constants, labels.slots);
    const perClass: PerClass = {};
    const boxes = boundingBoxes(labels.maps);
    for (const c of labels.present) perClass[c] = this.paint(c, padded, masks, boxes.get(c)!);
    const local = tanh(this.combineImages(perClass, constants, labels));
    return { local, perClass, constants };
  }

  private constants(): tf.Tensor2D {
    return tf.tanh(tf.stack(this.perClass.map((c) => c.bias!)) as tf.Tensor2D);
  }

  /** The same for whatever classes there are: which, and where they stand, is known to tensors alone. */
  private applyInSlots(padded: tf.Tensor4D, masks: tf.Tensor4D, constants: tf.Tensor2D, slots: ClassSlots): ClassSpecificOutput {
    const { ids, rest, boxes } = slots.tensors;
    const [classes, count] = [this.perClass.length, slots.classes.length];
    const ofSlots = (stack: tf.Tensor, shape: number[]) => tf.reshape(gatherRows(tf.reshape(stack, [classes, -1]) as tf.Tensor2D, ids), shape);
    const kernels = ofSlots(tf.stack(this.perClass.map((c) => c.weight)), [count, 7, 7, this.channels, 3]) as tf.Tensor5D;
    const bias = ofSlots(tf.stack(this.perClass.map((c) => c.bias!)), [3 * count]);
    const inSlots = tanh(tf.add(paintSlots(padded, pad2d(masks, 3, 'reflect'), kernels, boxes), bias) as tf.Tensor4D);

    // A row for each class: the part of the last kernel that meets its image.
    const parts = tf.reshape(tf.transpose(this.combine.weight, [2, 0, 1, 3]), [classes, 3 * 27]) as tf.Tensor2D;
    const kernel = (rows: tf.Tensor) => tf.transpose(tf.reshape(rows, [-1, 3, 3, 3]), [1, 2, 0, 3]) as tf.Tensor4D;
    let local = tf.conv2d(inSlots, kernel(gatherRows(parts, ids)), 1, 'same') as tf.Tensor4D;
    if (count < classes) {
      const absent = classes - count;
      const colours = tf.reshape(gatherRows(constants, rest), [3 * absent, 1]);
      const sum = tf.sum(tf.mul(tf.reshape(gatherRows(parts, rest), [3 * absent, 27]), colours), 0);
      const [b, h, w] = masks.shape;
      local = tf.add(local, tf.conv2d(tf.ones([b, h, w, 1]) as tf.Tensor4D, tf.reshape(sum, [3, 3, 1, 3]) as tf.Tensor4D, 1, 'same'));
    }
    return { local: tanh(tf.add(local, this.combine.bias!) as tf.Tensor4D), perClass: {}, constants, inSlots };
  }

  private paint(c: number, padded: tf.Tensor4D, masks: tf.Tensor4D, box: ClassBox): tf.Tensor4D {
    const [b, height, width] = masks.shape;
    const { top, left, bottom, right } = box;
    const rows = bottom - top;
    const columns = right - left;
    const features = tf.slice(padded, [0, top, left, 0], [b, rows + 6, columns + 6, this.channels]);
    const mask = pad2d(tf.slice(masks, [0, 0, 0, c], [b, height, width, 1]), 3, 'reflect');
    const masked = tf.mul(features, tf.slice(mask, [0, top, left, 0], [b, rows + 6, columns + 6, 1])) as tf.Tensor4D;
    const inBox = tf.conv2d(masked, this.perClass[c].weight, 1, 'valid');
    const image = padZeros(inBox, [top, height - bottom], [left, width - right]);
    return tanh(tf.add(image, this.perClass[c].bias!));
  }

  private combineImages(perClass: PerClass, constants: tf.Tensor2D, labels: LabelPyramid): tf.Tensor4D {
    const channelsOf = (classes: readonly number[]) =>
      tf.tensor1d(
        classes.flatMap((c) => [3 * c, 3 * c + 1, 3 * c + 2]),
        'int32',
      );
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
