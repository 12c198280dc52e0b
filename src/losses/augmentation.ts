/**
 * Differentiable augmentation (DiffAugment, 2006.10738): the discriminator sees photos and paintings in other colours, moved and with a hole, and
 * the generator's gradient goes through it, so that neither learns that paintings look so.
 */
import type { Random } from '../common/random';
import type { Size } from '../data/types';
import * as tf from '../engine/tf';

/** How each image of a batch is changed: the photo of a label map, what is painted of it, and the map itself alike. */
export interface Augmentation {
  /** Added to all values, -0.5 to 0.5. [B,1,1,1] */
  brightness: tf.Tensor4D;
  /** Times what a channel differs from the pixel's mean, 0 to 2. [B,1,1,1] */
  saturation: tf.Tensor4D;
  /** Times what a value differs from the image's mean, 0.5 to 1.5. [B,1,1,1] */
  contrast: tf.Tensor4D;
  /** A row for each row of the result: 1 at the one that it shows, none beyond the border. [B,H,H] */
  rows: tf.Tensor3D;
  /** The same of columns. [B,W,W] */
  columns: tf.Tensor3D;
  /** 0 in the hole. [B,H,W,1] */
  kept: tf.Tensor4D;
}

/** Rows and columns that an image is moved by at most, as a share of its side. */
const SHIFT = 1 / 8;

/** Side of the hole as a share of the image's. */
const HOLE = 1 / 2;

/** The paper's "color + translation + cutout", by a generator for each image. The caller disposes of the tensors. */
export function drawAugmentation(randoms: readonly Random[], [height, width]: Size): Augmentation {
  const batch = randoms.length;
  const even = (low: number, high: number) =>
    tf.tensor4d(
      randoms.map((random) => random.uniform(low, high)),
      [batch, 1, 1, 1],
    );
  const moved = (side: number) => {
    const most = Math.round(side * SHIFT);
    const matrices = new Float32Array(batch * side * side);
    for (const [b, random] of randoms.entries()) {
      const by = random.randrange(2 * most + 1) - most;
      for (let i = Math.max(0, by); i < Math.min(side, side + by); i++) matrices[(b * side + i) * side + i - by] = 1;
    }
    return tf.tensor3d(matrices, [batch, side, side]);
  };
  const kept = new Float32Array(batch * height * width).fill(1);
  const [rows, columns] = [Math.round(height * HOLE), Math.round(width * HOLE)];
  for (const [b, random] of randoms.entries()) {
    // Its middle may stand anywhere, an even hole's also on the far border.
    const top = random.randrange(height + 1 - (rows % 2)) - (rows >> 1);
    const left = random.randrange(width + 1 - (columns % 2)) - (columns >> 1);
    for (let y = Math.max(0, top); y < Math.min(height, top + rows); y++) {
      const line = (b * height + y) * width;
      kept.fill(0, line + Math.max(0, left), line + Math.min(width, left + columns));
    }
  }
  return {
    brightness: even(-0.5, 0.5),
    saturation: even(0, 2),
    contrast: even(0.5, 1.5),
    rows: moved(height),
    columns: moved(width),
    kept: tf.tensor4d(kept, [batch, height, width, 1]),
  };
}

/** [n*B,H,W,3] in -1..1, n images for each label map, all first ones before all second ones. What was beyond the border, and the hole, is 0: grey. */
export function augmentImages(images: tf.Tensor4D, { brightness, saturation, contrast, ...places }: Augmentation): tf.Tensor4D {
  const copies = images.shape[0] / brightness.shape[0];
  const each = (t: tf.Tensor4D) => repeated(t, copies);
  const bright = tf.add(images, each(brightness));
  const grey = tf.mean(bright, 3, true);
  const coloured = tf.add(grey, tf.mul(tf.sub(bright, grey), each(saturation)));
  const mean = tf.mean(coloured, [1, 2, 3], true);
  return moved(tf.add(mean, tf.mul(tf.sub(coloured, mean), each(contrast))) as tf.Tensor4D, places);
}

/** The label maps of images that are changed so: beyond the border and in the hole there is no class. [B,H,W,classes] */
export const augmentLabels = (oneHot: tf.Tensor4D, augmentation: Augmentation): tf.Tensor4D => moved(oneHot, augmentation);

function moved(x: tf.Tensor4D, { rows, columns, kept }: Pick<Augmentation, 'rows' | 'columns' | 'kept'>): tf.Tensor4D {
  const [n, h, w, c] = x.shape;
  const copies = n / rows.shape[0];
  const down = tf.reshape(tf.matMul(repeated(rows, copies), tf.reshape(x, [n, h, w * c])), [n, h, w, c]);
  const turned = tf.reshape(tf.transpose(down, [0, 2, 1, 3]), [n, w, h * c]);
  const across = tf.reshape(tf.matMul(repeated(columns, copies), turned), [n, w, h, c]);
  return tf.mul(tf.transpose(across, [0, 2, 1, 3]), repeated(kept, copies));
}

const repeated = <T extends tf.Tensor>(t: T, copies: number): T => (copies > 1 ? tf.concat(Array<T>(copies).fill(t)) : t) as T;
