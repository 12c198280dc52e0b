import test from 'node:test';
import { IGNORE, type LabelMap } from '../data/types';
import type { ClassSpecificOutput, PerClass } from '../layers/class_specific';
import { LabelPyramid } from '../layers/neighbourhoods/label_pyramid';
import { assertClose, checkGradient } from '../../proof/testing/close';
import { labelMap, normalTensor } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { classScore, localL1 } from './class_specific';

const withLabels = (maps: LabelMap[], classes: number, f: (labels: LabelPyramid) => void) => {
  const labels = new LabelPyramid(maps, classes);
  tf.tidy(() => f(labels));
  labels.dispose();
};

/** What the local loss looks at: one grey for each class that stands in the map, and the colours of those that do not. */
function painted(
  labels: LabelPyramid,
  greys: Record<number, number>,
  colours: Record<number, number[]> = {},
): Pick<ClassSpecificOutput, 'perClass' | 'constants'> {
  const { batch, height, width, classes } = labels;
  const constants = tf.tensor2d(Array.from({ length: classes }, (_, c) => colours[c] ?? [0, 0, 0]));
  const perClass = Object.fromEntries(Object.entries(greys).map(([c, v]) => [c, tf.fill([batch, height, width, 3], v)]));
  return { perClass: perClass as PerClass, constants };
}

test("local L1 by hand: present and absent classes, and class 27 on the pixels of 26 in the original's way", () => {
  const data = [26, 27, 27, 0];
  withLabels([labelMap(2, 2, (y, x) => data[2 * y + x])], 29, (labels) => {
    const photo = tf.ones([1, 2, 2, 3]) as tf.Tensor4D;
    const output = painted(labels, { 0: 0, 26: 0.5, 27: -1 }, { 5: [0.3, -0.6, 0.9] });
    // Class 0: |0 - 1| on a quarter. Class 26: 0.5 everywhere, from 1 or from 0. Class 5: the mean of its absolute colour.
    const common = 0.25 + 0.5 + 0.6;
    // Class 27: 2 on its pixels, 1 elsewhere.
    assertClose(localL1(output, photo, labels, 'paper'), common + (2 + 2 + 1 + 1) / 4, 1e-6);
    assertClose(localL1(output, photo, labels, 'original'), common + (2 + 1 + 1 + 1) / 4, 1e-6);
  });
});

test("local L1 in the original's way where only one of 26 and 27 is present", () => {
  withLabels([labelMap(2, 2, () => 26)], 29, (labels) => {
    const photo = tf.fill([1, 2, 2, 3], -1) as tf.Tensor4D;
    const output = painted(labels, { 26: -1 }, { 27: [0.5, 0.5, 0.2] });
    assertClose(localL1(output, photo, labels, 'paper'), 0.4, 1e-6);
    assertClose(localL1(output, photo, labels, 'original'), 1.4, 1e-6);
  });
  withLabels([labelMap(2, 2, () => 27)], 29, (labels) => {
    const photo = tf.fill([1, 2, 2, 3], -1) as tf.Tensor4D;
    const output = painted(labels, { 27: -0.75 }, { 26: [0, 0, 0] });
    assertClose(localL1(output, photo, labels, 'paper'), 0.25, 1e-6);
    assertClose(localL1(output, photo, labels, 'original'), 0.75, 1e-6);
  });
});

test('local L1: ignored pixels are black for every class, a batch is averaged', () => {
  withLabels([labelMap(1, 2, (_, x) => (x ? IGNORE : 0)), labelMap(1, 2, () => 1)], 3, (labels) => {
    const photo = tf.ones([2, 1, 2, 3]) as tf.Tensor4D;
    const output = painted(labels, { 0: 0, 1: 0 }, { 2: [1, 1, 1] });
    // Of four pixels one is class 0's, two class 1's.
    assertClose(localL1(output, photo, labels, 'paper'), 0.25 + 0.5 + 1, 1e-6);
  });
});

const SHARES = [
  [0.5, 0.25, 0.25],
  [0.1, 0.6, 0.3],
  [0.2, 0.2, 0.6],
];

test('class score by hand: cross entropy along the outputs, mean over the classes present', () => {
  withLabels([labelMap(1, 2, (_, x) => x)], 3, (labels) => {
    // The logarithm of shares that sum to 1, moved by a constant that softmax forgets.
    const scores = tf.add(tf.log(tf.tensor3d([SHARES])), 2) as tf.Tensor3D;
    assertClose(classScore(scores, labels, 'paper'), -(Math.log(0.5) + Math.log(0.6)) / 2, 1e-6);
    // Along the rows: 0.5 of 0.8, and 0.6 of 1.05.
    assertClose(classScore(scores, labels, 'original'), -(Math.log(0.5 / 0.8) + Math.log(0.6 / 1.05)) / 2, 1e-6);
  });
});

test('class score of a batch: every present class of every image counts the same', () => {
  const maps = [labelMap(1, 2, (_, x) => x), labelMap(1, 2, (_, x) => (x ? IGNORE : 2))];
  withLabels(maps, 3, (labels) => {
    const other = [
      [1 / 3, 1 / 3, 1 / 3],
      [1 / 3, 1 / 3, 1 / 3],
      [0.7, 0.2, 0.1],
    ];
    const scores = tf.log(tf.tensor3d([SHARES, other])) as tf.Tensor3D;
    assertClose(classScore(scores, labels, 'paper'), -(Math.log(0.5) + Math.log(0.6) + Math.log(0.1)) / 3, 1e-6);
  });
});

test('class score without any class is 0', () => {
  withLabels([labelMap(2, 2, () => IGNORE)], 3, (labels) => {
    assertClose(classScore(tf.ones([1, 3, 3]), labels, 'paper'), 0, { absolute: 0 });
  });
});

test('gradients agree with finite differences', () => {
  const labels = new LabelPyramid([labelMap(2, 2, (y) => y), labelMap(2, 2, (y) => 2 * y)], 3);
  const scores = normalTensor([2, 3, 3], 1);
  for (const axis of ['paper', 'original'] as const) {
    checkGradient((s) => classScore(s as tf.Tensor as tf.Tensor3D, labels, axis), [scores], { message: axis });
  }
  scores.dispose();
  labels.dispose();
});
