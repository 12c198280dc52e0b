import assert from 'node:assert/strict';
import test from 'node:test';
import { IGNORE, type LabelMap } from '../data/types';
import { assertClose, assertNoLeak, checkGradient } from '../../proof/testing/close';
import { assertSame, labelMap, normalTensor, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { ClassSpecificGenerator, type ClassSpecificOutput } from './class_specific';
import { LabelPyramid } from './neighbourhoods/label_pyramid';
import { Parameters } from './core/parameters';

const CLASSES = 5;
const CHANNELS = 3;

const MAPS: Record<string, LabelMap[]> = {
  'two classes that touch every border': [labelMap(12, 14, (y, x) => (y < 4 + (x >> 2) ? 1 : 4))],
  'an island inside': [labelMap(14, 16, (y, x) => (y > 4 && y < 8 && x > 5 && x < 9 ? 3 : 0))],
  'a pixel in each corner': [labelMap(10, 11, (y, x) => (y % 9 === 0 && x % 10 === 0 ? 2 : 0))],
  'a pixel two from the border': [labelMap(12, 12, (y, x) => (y === 2 && x === 9 ? 2 : 1))],
  'ignored pixels': [labelMap(10, 10, (y, x) => (x > 5 ? IGNORE : y < 5 ? 0 : 4))],
  'nothing but ignored pixels': [labelMap(8, 8, () => IGNORE)],
  'two maps with other classes': [labelMap(10, 12, (y, x) => (y < 2 && x < 2 ? 0 : 1)), labelMap(10, 12, (y, x) => (y > 7 && x > 9 ? 0 : 3))],
  'every class': [labelMap(10, 10, (y) => Math.floor(y / 2))],
};

function toy() {
  const p = new Parameters();
  const layer = new ClassSpecificGenerator(p, CHANNELS, CLASSES);
  scatter(p.entries(), 41, 0.2);
  return { p, layer, variables: p.entries().map((e) => e.variable) };
}

test("names and sizes are the original's", () => {
  const { p } = toy();
  const shapes = Object.fromEntries(p.entries().map((e) => [e.name, e.variable.shape]));
  assert.deepEqual(shapes['deconv5_4.weight'], [7, 7, CHANNELS, 3]);
  assert.deepEqual(shapes['deconv9.weight'], [3, 3, 3 * CLASSES, 3]);
  assert.equal(p.entries().length, 2 * (CLASSES + 1));
  p.dispose();
});

test('computing each class on its box changes nothing: the local image, each class and every gradient', (t) => {
  const { p, layer, variables } = toy();
  for (const [name, maps] of Object.entries(MAPS)) {
    const labels = new LabelPyramid(maps, CLASSES);
    const features = normalTensor([maps.length, maps[0].height, maps[0].width, CHANNELS], 1);
    tf.tidy(() => {
      const boxes = layer.apply(features, labels);
      const dense = layer.asWritten(features, labels);
      assert.deepEqual(Object.keys(boxes.perClass).map(Number), labels.present);
      for (let c = 0; c < CLASSES; c++) {
        if (labels.present.includes(c)) assertClose(boxes.perClass[c], dense.perClass[c], 2e-6, `${name}: class ${c}`);
        // Where a class is absent it paints its constant everywhere.
        else assertClose(tf.sub(dense.perClass[c], tf.gather(boxes.constants, c)), tf.zerosLike(dense.perClass[c]), { absolute: 1e-6 });
      }
    });
    // Both the local image and the pictures of the present classes carry gradients.
    const all = ({ local, perClass, constants }: ClassSpecificOutput) => {
      const everywhere = tf.tile(tf.reshape(constants, [1, 1, 1, -1]), [...local.shape.slice(0, 3), 1]);
      return tf.concat([local, ...labels.present.map((c) => perClass[c]), everywhere as tf.Tensor4D], 3);
    };
    const found = assertSame(
      () => all(layer.apply(features, labels)),
      () => all(layer.asWritten(features, labels)),
      [features, ...variables],
      // Up to 1000 products of both signs.
      { value: 2e-6, gradient: 1e-5 },
    );
    t.diagnostic(`${name}: value ${found.value.toExponential(1)}, gradient ${found.gradient.toExponential(1)}`);
    features.dispose();
    labels.dispose();
  }
  p.dispose();
});

test('in slots, where the boxes are known to tensors alone, nothing changes either', { skip: !tf.hasNativeKernels() }, (t) => {
  // Eleven classes: eight slots and three without; with at least eleven slots for every class one.
  const p = new Parameters();
  const layer = new ClassSpecificGenerator(p, CHANNELS, 11);
  scatter(p.entries(), 41, 0.2);
  const variables = p.entries().map((e) => e.variable);
  for (const [name, maps] of Object.entries(MAPS)) {
    for (const open of [0, 11]) {
      const labels = new LabelPyramid(maps, 11, { open });
      const { classes, tensors } = labels.slots!;
      assert.deepEqual(
        classes.slice().sort((a, b) => a - b),
        open ? Array.from({ length: 11 }, (_, c) => c) : classes.slice().sort((a, b) => a - b),
      );
      assert.deepEqual([classes.length, tensors.rest.size], open ? [11, 0] : [8, 3]);
      const features = normalTensor([maps.length, maps[0].height, maps[0].width, CHANNELS], 1);
      const all = (local: tf.Tensor4D, images: tf.Tensor4D) => tf.concat([local, images], 3);
      const found = assertSame(
        () => {
          const { local, inSlots } = layer.apply(features, labels);
          return all(local, inSlots!);
        },
        () => {
          const { local, perClass } = layer.asWritten(features, labels);
          return all(
            local,
            tf.concat(
              classes.map((c) => perClass[c]),
              3,
            ),
          );
        },
        [features, ...variables],
        { value: 2e-6, gradient: 1e-5 },
      );
      t.diagnostic(`${name}: value ${found.value.toExponential(1)}, gradient ${found.gradient.toExponential(1)}`);
      features.dispose();
      labels.dispose();
    }
  }
  p.dispose();
});

test('by hand: a class sees its own pixels only, mirrored at the border', () => {
  const p = new Parameters();
  const layer = new ClassSpecificGenerator(p, 1, 2);
  const find = (name: string) => p.entries().find((e) => e.name === name)!.variable;
  // Class 0 in the left two columns, class 1 right of them, features 1 everywhere.
  const labels = new LabelPyramid([labelMap(8, 9, (_, x) => (x < 2 ? 0 : 1))], 2);
  tf.tidy(() => {
    // The kernel's middle row sums 7 pixels across; a hundredth keeps tanh invertible.
    find('deconv5_0.weight').assign(
      tf.tile(
        tf.pad(tf.fill([1, 7, 1, 1], 0.01), [
          [3, 3],
          [0, 0],
          [0, 0],
          [0, 0],
        ]),
        [1, 1, 1, 3],
      ),
    );
    const image = layer.apply(tf.ones([1, 8, 9, 1]), labels).perClass[0];
    const row = tf.atanh(tf.slice(image, [0, 4, 0, 0], [1, 1, 9, 1]));
    // At x = 0 the window is 3 2 1 0 1 2 3, of which 1 0 1 are the class's; at 1: 2 1 0 1 2 3 4; at 2: 1 0 1 2 3 4 5; then the
    // class is on the left only.
    assertClose(row, [0.03, 0.03, 0.03, 0.02, 0.01, 0, 0, 0, 0], { absolute: 1e-6 });
  });
  labels.dispose();
  p.dispose();
});

test('gradients agree with finite differences', () => {
  const { p, layer, variables } = toy();
  const labels = new LabelPyramid([labelMap(8, 9, (y, x) => (y < 3 ? 0 : x < 2 ? 3 : 1))], CLASSES);
  const x = normalTensor([1, 8, 9, CHANNELS], 1);
  const some = [0, 1, 5, 10, 11].map((i) => variables[i]);
  checkGradient((a) => layer.apply(a as tf.Tensor4D, labels).local, [x, ...some]);
  x.dispose();
  labels.dispose();
  p.dispose();
});

test('no tensor is left', async () => {
  const { p, layer, variables } = toy();
  const labels = new LabelPyramid(MAPS['an island inside'], CLASSES);
  const x = normalTensor([1, 14, 16, CHANNELS], 1);
  await assertNoLeak(() => {
    const { value, grads } = tf.variableGrads(() => tf.sum(layer.apply(x, labels).local) as tf.Scalar, variables);
    tf.dispose([value, grads]);
  });
  x.dispose();
  labels.dispose();
  p.dispose();
});
