import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, checkGradient } from '../../proof/testing/close';
import { normalTensor } from '../../proof/testing/toy';
import { Random } from '../common/random';
import * as tf from '../engine/tf';
import { augmentImages, augmentLabels, drawAugmentation, type Augmentation } from './augmentation';

const scalar = (...values: number[]) => tf.tensor4d(values, [values.length, 1, 1, 1]);
const still = (batch: number, h: number, w: number): Augmentation => ({
  brightness: scalar(...Array<number>(batch).fill(0)),
  saturation: scalar(...Array<number>(batch).fill(1)),
  contrast: scalar(...Array<number>(batch).fill(1)),
  rows: tf.stack(Array.from({ length: batch }, () => tf.eye(h))) as tf.Tensor3D,
  columns: tf.stack(Array.from({ length: batch }, () => tf.eye(w))) as tf.Tensor3D,
  kept: tf.ones([batch, h, w, 1]),
});

test('colours by hand, as DiffAugment has them: brightness, then saturation about the grey of a pixel, then contrast about the mean of the image', () => {
  tf.tidy(() => {
    const x = tf.tensor4d([0.2, 0.4, 0.6, -0.4, 0, 0.1], [1, 1, 2, 3]);
    const none = still(1, 1, 2);
    assertClose(augmentImages(x, none), Array.from(x.dataSync()), 1e-6);
    const plus = x.add(0.25).dataSync();
    assertClose(augmentImages(x, { ...none, brightness: scalar(0.25) }), Array.from(plus), 1e-6);
    // The grey values are 0.4 and -0.1.
    assertClose(augmentImages(x, { ...none, saturation: scalar(0) }), [0.4, 0.4, 0.4, -0.1, -0.1, -0.1], 1e-6);
    assertClose(augmentImages(x, { ...none, saturation: scalar(2) }), [0, 0.4, 0.8, -0.7, 0.1, 0.3], 1e-6);
    // The mean is 0.15.
    assertClose(augmentImages(x, { ...none, contrast: scalar(0.5) }), [0.175, 0.275, 0.375, -0.125, 0.075, 0.125], 1e-6);
  });
});

test('what is drawn lies in its bounds; photo, paintings and label map are moved alike, and hold nothing beyond the border and in the hole', () => {
  const [batch, h, w] = [3, 16, 24];
  const found = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    tf.tidy(() => {
      const drawn = drawAugmentation(
        Array.from({ length: batch }, (_, b) => new Random([seed, b])),
        [h, w],
      );
      for (const [t, low, high] of [
        [drawn.brightness, -0.5, 0.5],
        [drawn.saturation, 0, 2],
        [drawn.contrast, 0.5, 1.5],
      ] as const) {
        assert.ok(t.dataSync().every((v) => v >= low && v < high));
      }
      // Each pixel holds its own place, from 1 on: 0 says that there is nothing.
      const place = tf.tile(tf.reshape(tf.range(1, h * w + 1), [1, h, w, 1]), [batch, 1, 1, 1]) as tf.Tensor4D;
      const labels = augmentLabels(place, drawn).arraySync();
      const colourless = { ...still(batch, h, w), rows: drawn.rows, columns: drawn.columns, kept: drawn.kept };
      const images = augmentImages(tf.concat([tf.tile(place, [1, 1, 1, 3]), tf.tile(place, [1, 1, 1, 3])]) as tf.Tensor4D, colourless).arraySync();
      const kept = drawn.kept.arraySync();
      for (let b = 0; b < batch; b++) {
        const shown = labels[b].flat(2);
        const moves = new Set(shown.flatMap((p, i) => (p ? [`${Math.floor((p - 1) / w) - Math.floor(i / w)} ${((p - 1) % w) - (i % w)}`] : [])));
        assert.equal(moves.size, 1);
        const [dy, dx] = [...moves][0].split(' ').map(Number);
        assert.ok(Math.abs(dy) <= h / 8 && Math.abs(dx) <= w / 8, `${dy} ${dx}`);
        found.add(dy);
        for (const copy of [b, b + batch]) images[copy].flat().forEach((pixel, i) => pixel.forEach((v) => assert.ok(Math.abs(v - shown[i]) < 1e-3)));
        const hole = kept[b].flat(2).filter((v) => v === 0).length;
        // Half of each side, at least half of that within the image.
        assert.ok(hole <= (h / 2) * (w / 2) && hole >= (h / 4) * (w / 4) && kept[b].flat(2).every((v) => v === 0 || v === 1), String(hole));
        shown.forEach((p, i) => {
          const [y, x] = [Math.floor(i / w) + dy, (i % w) + dx];
          const within = y >= 0 && y < h && x >= 0 && x < w;
          assert.equal(p > 0, within && kept[b][Math.floor(i / w)][i % w][0] === 1);
        });
      }
    });
  }
  assert.deepEqual(
    [...found].sort((a, b) => a - b),
    [-2, -1, 0, 1, 2],
  );
});

test('gradients of the images', () => {
  const drawn = drawAugmentation([new Random(3)], [4, 6]);
  const x = normalTensor([2, 4, 6, 3], 4);
  checkGradient((y) => augmentImages(y as tf.Tensor4D, drawn), [x]);
  tf.dispose([...Object.values(drawn), x]);
});
