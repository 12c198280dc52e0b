import * as tf from '../engine/tf';
import type { Choice } from '../common/config';
import type { ClassSpecificOutput } from '../layers/class_specific';
import type { LabelPyramid } from '../layers/neighbourhoods/label_pyramid';

/**
 * Local L1 (LGGAN, 1912.12215, section 3.3): the sum over all classes of the mean absolute difference of what a class paints and the
 * photo on the pixels of that class, black elsewhere. A class that is absent from the batch adds the mean of |its constant colour|.
 * @param images photos, [B,H,W,3] in -1..1
 * @param masks `original`: class 27 is compared on the pixels of class 26
 */
export function localL1(output: Pick<ClassSpecificOutput, 'perClass' | 'constants'>, images: tf.Tensor4D, labels: LabelPyramid, masks: Choice): tf.Scalar {
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

/**
 * Class score (LGGAN, 1912.12215, eq. 6): cross entropy of the scores of each class's features against that class, mean over the
 * classes that are present. scores [B,classes,classes], row r for class r.
 * @param axis `paper`: softmax along the outputs. `original`: along the rows, after the rows of a batch, ordered by class and then by
 * image, were cut into as many blocks as there are images, which mixes them.
 */
export function classScore(scores: tf.Tensor3D, labels: LabelPyramid, axis: Choice): tf.Scalar {
  const { batch, classes, maps } = labels;
  const present = new Float32Array(batch * classes);
  maps.forEach(({ data }, b) => {
    for (let i = 0; i < data.length; i++) if (data[i] < classes) present[b * classes + data[i]] = 1;
  });
  const valid = tf.tensor2d(present, [batch, classes]);
  let rows = scores;
  if (axis === 'original') {
    const byClass = tf.transpose(scores, [1, 0, 2]);
    // Softmax along the last axis below: turn each block.
    rows = tf.transpose(tf.reshape(byClass, [batch, classes, classes]), [0, 2, 1]);
  }
  const logProbability = tf.sum(tf.mul(tf.logSoftmax(rows), tf.eye(classes)), 2);
  return tf.div(tf.neg(tf.sum(tf.mul(logProbability, valid))), Math.max(1, present.reduce((a, b) => a + b, 0)));
}
