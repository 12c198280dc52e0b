import { overWorkers, workers } from '../engine/cluster';
import * as tf from '../engine/tf';
import type { Choice } from '../common/config';
import type { ClassSpecificOutput } from '../layers/class_specific';
import { gatherRows } from '../layers/core/rows';
import { presentIn } from '../layers/neighbourhoods/class_slots';
import type { LabelPyramid } from '../layers/neighbourhoods/label_pyramid';
import { l1 } from './pixel';

/**
 * Local L1 (LGGAN, 1912.12215, section 3.3): the sum over all classes of the mean absolute difference of what a class paints and the
 * photo on the pixels of that class, black elsewhere. A class that is absent from the batch adds the mean of |its constant colour|.
 * @param images photos, [B,H,W,3] in -1..1
 * @param masks `original`: class 27 is compared on the pixels of class 26
 */
export function localL1(
  output: Pick<ClassSpecificOutput, 'perClass' | 'constants' | 'inSlots'>,
  images: tf.Tensor4D,
  labels: LabelPyramid,
  masks: Choice,
): tf.Scalar {
  if (output.inSlots) return localL1OfSlots(output.inSlots, output.constants, images, labels, masks);
  const oneHot = tf.split(labels.at(labels.height, labels.width).oneHot, labels.classes, 3);
  const maskOf = (c: number) => (masks === 'original' && c === 27 ? 26 : c);
  const terms: tf.Tensor[] = [];
  const absent: number[] = [];
  for (let c = 0; c < labels.classes; c++) {
    const isPainted = c in output.perClass;
    const hasTarget = labels.present.includes(maskOf(c));
    if (!isPainted && !hasTarget) {
      absent.push(c);
      continue;
    }
    const painted = isPainted ? output.perClass[c] : tf.gather(output.constants, c);
    terms.push(tf.mean(tf.abs(tf.sub(painted, tf.mul(images, oneHot[maskOf(c)])))));
  }
  if (absent.length) {
    const colours = tf.gather(output.constants, tf.tensor1d(absent, 'int32'));
    terms.push(tf.div(tf.sum(tf.abs(colours)), 3));
  }
  return tf.addN(terms) as tf.Scalar;
}

/** The same of images in slots [B,H,W,3*S] (see `ClassSlots`). */
function localL1OfSlots(inSlots: tf.Tensor4D, constants: tf.Tensor2D, images: tf.Tensor4D, labels: LabelPyramid, masks: Choice): tf.Scalar {
  const { classes, tensors } = labels.slots!;
  const [b, h, w] = images.shape;
  const s = classes.length;
  const all = s === labels.classes;
  if (masks === 'original' && !all) throw new Error("the original's masks need a slot for every class");
  // With a slot for every class slot c holds class c.
  const ids = all
    ? tf.tensor1d(
        classes.map((_, c) => (masks === 'original' && c === 27 ? 26 : c)),
        'int32',
      )
    : tensors.ids;
  const oneHot = labels.at(h, w).oneHot;
  const chosen = tf.runKernel('GatherV2', { batch_dims: 0, Tparams: 'float32', Tindices: 'int32', Taxis: 'int32' }, [oneHot, ids, tf.scalar(3, 'int32')])[0];
  const targets = tf.reshape(tf.mul(tf.reshape(chosen, [b, h, w, s, 1]), tf.reshape(images, [b, h, w, 1, 3])), [b, h, w, 3 * s]);
  const painted = tf.mul(l1(inSlots, targets), s);
  if (all) return painted as tf.Scalar;
  return tf.add(painted, tf.div(tf.sum(tf.abs(gatherRows(constants, tensors.rest))), 3)) as tf.Scalar;
}

/**
 * Class score (LGGAN, 1912.12215, eq. 6): cross entropy of the scores of each class's features against that class, mean over the
 * classes that are present. scores [B,classes,classes], row r for class r.
 * @param axis `paper`: softmax along the outputs. `original`: along the rows, after the rows of a batch, ordered by class and then by
 * image, were cut into as many blocks as there are images, which mixes them.
 */
export function classScore(scores: tf.Tensor3D, labels: LabelPyramid, axis: Choice): tf.Scalar {
  const { batch, classes } = labels;
  const { valid, count } = presence(labels);
  let rows = scores;
  if (axis === 'original') {
    const byClass = tf.transpose(scores, [1, 0, 2]);
    // Softmax along the last axis below: turn each block.
    rows = tf.transpose(tf.reshape(byClass, [batch, classes, classes]), [0, 2, 1]);
  }
  const logProbability = tf.sum(tf.mul(tf.logSoftmax(rows), tf.eye(classes)), 2);
  return tf.div(tf.neg(tf.sum(tf.mul(logProbability, valid))), count);
}

/** 1 for each class that stands in a map, [B,classes], and how many ones there are, at least 1: of several workers each one's share of them all. */
function presence({ slots, maps, batch, classes }: LabelPyramid): { valid: tf.Tensor2D; count: tf.Tensor } {
  const valid = slots?.tensors.valid ?? tf.tensor2d(presentIn(maps, classes), [batch, classes]);
  return { valid, count: tf.div(tf.maximum(overWorkers(tf.sum(valid)), 1), workers()) };
}
