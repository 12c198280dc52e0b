import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose } from '../../proof/testing/close';
import * as tf from '../engine/tf';
import { Parameters } from './core/parameters';
import { STYLE_SIZE, StyleInput, styleOf } from './style';

/** [4,2] pixels of the upper half's colour and of the lower half's. */
const halves = (upper: number[], lower: number[]) => Float32Array.from([upper, upper, upper, upper, lower, lower, lower, lower].flat());

test('a style says of each half its brightness, warmth, green and contrast, in deviations from an average landscape', () => {
  const [height, width] = [4, 2];
  // Of the colour (r, g, b): brightness (r+g+b)/3, warmth r-b, green g-(r+b)/2; one colour has no contrast.
  const expected = [
    (0.3 - 0.09) / 0.3,
    (-0.6 + 0.15) / 0.4,
    (0 - 0.03) / 0.09,
    (0 - 0.32) / 0.13,
    (-0.2 + 0.2) / 0.28,
    (0.3 - 0.08) / 0.34,
    (0.15 - 0.07) / 0.11,
    (0 - 0.32) / 0.12,
  ];
  const style = styleOf(halves([0, 0.3, 0.6], [-0.1, -0.1, -0.4]), height, width);
  assert.equal(style.length, STYLE_SIZE);
  style.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-5, `${i}: ${value} and ${expected[i]}`));
  // Half of the upper half black, half of it white: a standard deviation of 1.
  const checked = halves([1, 1, 1], [0, 0, 0]);
  checked.fill(-1, 0, 6);
  assert.ok(Math.abs(styleOf(checked, height, width)[3] - (1 - 0.32) / 0.13) < 1e-5);
});

test('a style is weighed and added at every pixel, to each image its own; none changes nothing', () => {
  const p = new Parameters();
  const input = new StyleInput(p, 3);
  const [{ name, variable }] = p.entries();
  assert.equal(name, 'style.weight');
  tf.tidy(() => {
    const x = tf.randomNormal([2, 2, 2, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
    const matrix = Array.from({ length: STYLE_SIZE }, (_, i) => [i, -i, 1]);
    variable.assign(tf.tensor2d(matrix));
    const style = tf.tensor2d([Array.from({ length: STYLE_SIZE }, (_, i) => i), new Array<number>(STYLE_SIZE).fill(1)]);
    // 0 + 1 + 4 + ... + 49 and 0 + 1 + ... + 7.
    const added = tf.tensor4d(
      [
        [140, -140, 28],
        [28, -28, 8],
      ].flat(),
      [2, 1, 1, 3],
    );
    assertClose(tf.sub(input.apply(x, style), x), tf.tile(added, [1, 2, 2, 1]), 1e-6);
    assert.equal(input.apply(x), x);
  });
  p.dispose();
});
