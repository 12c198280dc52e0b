import { configure, wholeNumbers } from '../../src/common/config';
import { Mulberry32 } from '../../src/common/mulberry';
import { resizeImage, resizeLabels } from '../../src/data/resize';
import { IGNORE, type PairDataset } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { Segmenter, SEGMENTER_DEFAULTS, type SegmenterConfig } from './segmenter';
import * as tf from '../../src/engine/tf';
import { customGradient } from '../../src/engine/custom_gradient';
import { Adam } from '../../src/training/adam';
import { gradients } from '../../src/training/gradients';
import { normalised } from '../../src/data/tensors';

export interface SegmenterTraining extends SegmenterConfig {
  /** Default 300: about 95 s of processor time (two cores share it) at the default size. */
  steps: number;
  /** Default 8. */
  batch: number;
  /** Of Adam; it falls to zero in a straight line. Default 3e-3. */
  learningRate: number;
  /**
   * Images are cut out of ones up to this much larger, at random places and scales. Colours stay: they tell classes
   * apart. Default 1.3.
   */
  zoom: number;
  /** Pairs used at most, drawn at random from a larger set. Default 2000. */
  maxPairs: number;
}

export const SEGMENTER_TRAINING_DEFAULTS: SegmenterTraining = {
  ...SEGMENTER_DEFAULTS,
  steps: 300,
  batch: 8,
  learningRate: 3e-3,
  zoom: 1.3,
  maxPairs: 2000,
};

/**
 * Trains a segmenter on the real pairs of a set: cross entropy over the pixels that have a class, Adam, horizontal
 * flips, random cuts. The seed decides the weights, the order and the cuts; results of two runs differ by rounding
 * only.
 *
 * `onProgress` is called for each pair read and each step, as parts of one total. The caller disposes the segmenter.
 * Throws a UserError if the set is empty or a label exceeds the number of classes.
 */
export async function trainSegmenter(
  dataset: PairDataset,
  options: Partial<SegmenterTraining> = {},
  onProgress?: (done: number, total: number, note?: string) => void,
): Promise<Segmenter> {
  const config = configure(SEGMENTER_TRAINING_DEFAULTS, options, 'segmenter');
  const { steps, batch, learningRate, zoom, maxPairs, ...architecture } = config;
  wholeNumbers({ steps, batch, maxPairs }, 'segmenter');
  if (!(zoom >= 1)) throw new UserError(`segmenter.zoom: expected at least 1, got ${zoom}.`);
  if (dataset.length === 0) throw new UserError(`${dataset.source} holds no pairs to train a segmenter on.`);

  const random = new Mulberry32(config.seed);
  const segmenter = new Segmenter(architecture);
  const optimiser = new Adam(segmenter.parameters.trainable);
  try {
    const pairs = await readPairs(dataset, config, random, (done, count) => onProgress?.(done, count + steps, 'reading pairs'));
    let order: number[] = [];
    for (let step = 0; step < steps; step++) {
      if (order.length < batch) order = [...order, ...shuffled(pairs.images.length, random)];
      const chosen = order.splice(0, batch);
      const { images, labels } = cut(pairs, chosen, config, random);
      const { value, gradients: g } = gradients(() => pixelCrossEntropy(segmenter.logits(images, true), labels), segmenter.parameters);
      optimiser.step(g, learningRate * (1 - step / steps));
      const loss = value.dataSync()[0];
      tf.dispose([images, labels, value, g]);
      if (!Number.isFinite(loss)) throw new UserError(`the segmenter's loss became ${loss} in step ${step + 1}; lower its learning rate (${learningRate}).`);
      onProgress?.(pairs.images.length + step + 1, pairs.images.length + steps, `segmenter: cross entropy ${loss.toFixed(3)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const run = `${steps} steps of ${batch}, seed ${config.seed}`;
    segmenter.trainedOn = `trained on ${pairs.images.length} pairs of ${dataset.source}, ${run}`;
    return segmenter;
  } catch (e) {
    segmenter.dispose();
    throw e;
  } finally {
    optimiser.dispose();
  }
}

/**
 * Mean over the pixels that have a class of -log softmax(logits)[class]. logits [B,H,W,C]; labels [B,H,W] whole
 * numbers, those outside 0..C-1 count nothing. `weights` [C]: how much a pixel of each class counts. The gradient,
 * (softmax - one-hot) / pixels, is given in one step: the composed one keeps five maps of this size.
 */
export function pixelCrossEntropy(logits: tf.Tensor4D, labels: tf.Tensor3D, weights?: tf.Tensor1D): tf.Scalar {
  const classes = logits.shape[3];
  return customGradient([logits], (save, x) => {
    const plain = tf.cast(tf.oneHot(tf.cast(labels, 'int32'), classes), 'float32');
    const oneHot = weights ? tf.mul(plain, weights) : plain;
    const valid = tf.sum(oneHot, 3, true);
    const count = tf.maximum(tf.sum(valid), 1e-6);
    const logProbability = tf.logSoftmax(x);
    const value = tf.neg(tf.div(tf.sum(tf.mul(oneHot, logProbability)), count)) as tf.Scalar;
    save([tf.div(tf.sub(tf.mul(tf.exp(logProbability), valid), oneHot), count)]);
    return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0], dy) };
  }) as tf.Scalar;
}

interface Loaded {
  /** All of one size, `zoom` times the network's. */
  height: number;
  width: number;
  images: Uint8Array[];
  labels: Uint8Array[];
}

async function readPairs(
  dataset: PairDataset,
  { imageSize, zoom, maxPairs, classes }: SegmenterTraining,
  random: Mulberry32,
  onProgress: (done: number, total: number) => void,
): Promise<Loaded> {
  const [height, width] = imageSize.map((n) => Math.round(n * zoom));
  const chosen = shuffled(dataset.length, random)
    .slice(0, maxPairs)
    .sort((a, b) => a - b);
  const result: Loaded = { height, width, images: [], labels: [] };
  for (const i of chosen) {
    const { name, image, labels } = await dataset.at(i);
    const small = resizeLabels(labels, [height, width]).data;
    const bad = small.find((v) => v >= classes && v !== IGNORE);
    if (bad !== undefined) throw new UserError(`${dataset.source}, ${name}: the label map holds ${bad}, the segmenter has ${classes} classes.`);
    result.images.push(resizeImage(image, [height, width]).data);
    result.labels.push(small);
    onProgress(result.images.length, chosen.length);
  }
  return result;
}

/**
 * Random cuts of the chosen pairs, mirrored or not, at the network's size: images [B,H,W,3] in [-1, 1], labels at the
 * logits' size, [B,H/block,W/block].
 */
function cut(
  { height, width, images, labels }: Loaded,
  chosen: readonly number[],
  { imageSize, zoom, block }: SegmenterTraining,
  random: Mulberry32,
): { images: tf.Tensor4D; labels: tf.Tensor3D } {
  const boxes = chosen.map(() => {
    const side = random.range(1 / zoom, 1);
    const top = random.range(0, 1 - side);
    const left = random.range(0, 1 - side);
    const [a, b] = random.chance(0.5) ? [left, left + side] : [left + side, left];
    return [top, a, top + side, b];
  });
  return tf.tidy(() => {
    const stack = (from: Uint8Array[], channels: number) =>
      tf.cast(tf.stack(chosen.map((i) => tf.tensor3d(from[i], [height, width, channels], 'int32'))), 'float32') as tf.Tensor4D;
    const index = tf.range(0, chosen.length, 1, 'int32');
    const crop = (t: tf.Tensor4D, [h, w]: readonly number[], method: 'bilinear' | 'nearest') =>
      tf.image.cropAndResize(t, tf.tensor2d(boxes), index, [h, w], method);
    return {
      images: normalised(crop(stack(images, 3), imageSize, 'bilinear')),
      labels: tf.squeeze(
        crop(
          stack(labels, 1),
          imageSize.map((n) => n / block),
          'nearest',
        ),
        [3],
      ) as tf.Tensor3D,
    };
  });
}

function shuffled(n: number, random: Mulberry32): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.int(0, i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
