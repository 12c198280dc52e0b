import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadParameters } from '../checkpoints/parameters';
import type { RgbImage } from '../data/types';
import { UserError } from '../common/errors';
import { assertClose, assertNoLeak, deviation } from '../../proof/testing/close';
import { applyFormula, goldenImage, goldenJson, nhwc } from '../../proof/testing/golden';
import { withMaterial } from '../../proof/testing/material';
import { readNpz, type NpyArray } from '../../proof/testing/npz';
import * as tf from '../engine/tf';
import { RCAN, spans } from './rcan';
import { startBilinear } from './rcan_start';

const SMALL = { groups: 2, blocks: 2, features: 8, reduction: 4 };

function picture(height: number, width: number): RgbImage {
  const data = Uint8Array.from({ length: height * width * 3 }, (_, i) => 128 + 100 * Math.sin(i * 0.37 + Math.floor(i / (3 * width)) * 0.8));
  return { data, height, width };
}

const asTensor = ({ data, shape }: NpyArray) => tf.tensor4d(data as Float32Array, shape as [number, number, number, number]);

// Two orders of summation in float32: 6e-8 a sum, grown by some dozen layers. Measured 5e-7 and less.
const FLOAT32 = 5e-6;

test("names and number of parameters are the original's", (t) => {
  if (!withMaterial(t, 'golden/golden_rcan.json')) return;
  const rcan = new RCAN({ groups: 2, blocks: 2 });
  const stored = goldenJson<{ small_state_dict: [string, number[]][]; small_params: number }>('golden_rcan.json');
  const names = rcan.parameters.entries().map((e) => e.name);
  assert.deepEqual([...names].sort(), stored.small_state_dict.map(([name]) => name).sort());
  // The original's count includes the mean shifts, 24 numbers.
  assert.equal(rcan.parameters.count + 24, stored.small_params);
  rcan.dispose();
});

test("a checkpoint of the original gives the original's output", async (t) => {
  const file = withMaterial(t, 'golden/checkpoints/rcan_tiny.safetensors');
  if (!file) return;
  const rcan = new RCAN({ groups: 2, blocks: 2, features: 16, reduction: 4 });
  await loadParameters(file, rcan.parameters);
  const io = readNpz(file.replace('.safetensors', '_io.npz'));
  const input = nhwc(io.get('in')!);
  const out = rcan.forward(asTensor(input));
  const { relative } = assertClose(out, nhwc(io.get('out')!), FLOAT32);
  t.diagnostic(`largest deviation ${relative.toExponential(1)} of the scale`);
  tf.dispose([out]);
  rcan.dispose();
});

test('the full network, 15.4 M parameters, computes what PyTorch computes in float64', (t) => {
  const reference = JSON.parse(readFileSync(join(__dirname, 'rcan.reference.json'), 'utf8')) as { samples: number[]; stride: number };
  const rcan = new RCAN();
  assert.equal(rcan.parameters.count, 15_444_643);
  applyFormula(rcan.parameters);
  tf.tidy(() => rcan.parameters.trainable.forEach(({ variable }) => variable.assign(tf.mul(variable, 0.7))));
  const out = tf.tidy(() => {
    const input = tf.mul(tf.add(tf.tensor4d(goldenImage(24, 32), [1, 24, 32, 3]), 1), 127.5) as tf.Tensor4D;
    return tf.transpose(rcan.forward(input), [0, 3, 1, 2]);
  });
  const values = out.dataSync();
  const { relative } = assertClose(
    reference.samples.map((_, i) => values[i * reference.stride]),
    reference.samples,
    FLOAT32,
  );
  t.diagnostic(`largest deviation ${relative.toExponential(1)} of the scale`);
  out.dispose();
  rcan.dispose();
});

test('with its convolutions at 0 the network gives the mean colour, which is not trained', () => {
  const rcan = new RCAN({ ...SMALL, rgbMean: [0.2, 0.4, 0.6] });
  assert.deepEqual(
    rcan.parameters
      .entries()
      .filter((e) => !e.trainable)
      .map((e) => e.name),
    ['sub_mean.weight', 'sub_mean.bias', 'add_mean.weight', 'add_mean.bias'],
  );
  tf.tidy(() => rcan.parameters.trainable.forEach(({ variable }) => variable.assign(tf.zerosLike(variable))));
  assertClose(rcan.forward(tf.ones([1, 1, 2, 3])), Array.from({ length: 8 }, () => [51, 102, 153]).flat(), 1e-6);
  rcan.dispose();
});

test('factors of 2, 3 and 4, and names of their convolutions', () => {
  for (const [scale, convolutions] of [
    [2, ['tail.0.0']],
    [3, ['tail.0.0']],
    [4, ['tail.0.0', 'tail.0.2']],
  ] as const) {
    const rcan = new RCAN({ ...SMALL, scale });
    const tail = rcan.parameters
      .entries()
      .map((e) => e.name)
      .filter((n) => /^tail\.0.*weight/.test(n));
    assert.deepEqual(
      tail,
      convolutions.map((c) => `${c}.weight`),
    );
    assert.deepEqual(rcan.forward(tf.zeros([2, 3, 5, 3])).shape, [2, 3 * scale, 5 * scale, 3]);
    rcan.dispose();
  }
});

test('the forward pass and the gradient leave nothing behind', async () => {
  const rcan = new RCAN(SMALL);
  const x = tf.randomUniform([1, 6, 7, 3], 0, 255, 'float32', 1) as tf.Tensor4D;
  await assertNoLeak(() => rcan.forward(x).dispose());
  await assertNoLeak(() => {
    const variables = rcan.parameters.trainable.map((e) => e.variable);
    const { value, grads } = tf.variableGrads(() => tf.mean(tf.square(rcan.forward(x))) as tf.Scalar, variables);
    assert.equal(Object.keys(grads).length, variables.length);
    tf.dispose([value, grads]);
  });
  await assertNoLeak(async () => rcan.upscale(picture(9, 10), { tile: 6, overlap: 1 }));
  rcan.dispose();
});

test('an image comes back twice as large, clamped and rounded from the forward pass', async () => {
  const rcan = new RCAN(SMALL);
  // Large output weights drive values over both ends.
  tf.tidy(() => rcan.parameters.trainable.forEach((e) => e.name === 'tail.1.weight' && e.variable.assign(tf.mul(e.variable, 30))));
  const image = picture(7, 11);
  const raw = rcan.forward(tf.tensor4d(image.data, [1, 7, 11, 3], 'float32')).dataSync();
  const result = await rcan.upscale(image);
  assert.deepEqual([result.height, result.width], [14, 22]);
  assert.ok(Math.min(...raw) < 0 && Math.max(...raw) > 255);
  const expected = Array.from(raw, (v) => Math.min(255, Math.max(0, v)));
  assert.ok(result.data.every((v, i) => Math.abs(v - expected[i]) <= 0.5 + 1e-3));
  rcan.dispose();
});

test('self-ensemble: the mean of what comes of the image turned eight ways, each turned back; it turns as the image does', async () => {
  const rcan = new RCAN(SMALL);
  startBilinear(rcan);
  const image = picture(5, 7);
  // By arrays of rows: all that mirrors and transpositions lead to.
  type Rows = number[][][];
  const mirrored = (rows: Rows) => rows.map((row) => [...row].reverse());
  const transposed = (rows: Rows) => rows[0].map((_, x) => rows.map((row) => row[x]));
  const quarter = (rows: Rows) => mirrored(transposed(rows));
  const rows = tf.tidy(() => tf.tensor3d(image.data, [5, 7, 3], 'float32').arraySync());
  const raw = (x: Rows) => tf.tidy(() => (rcan.forward(tf.tensor4d([x])).arraySync() as Rows[])[0]);
  const turn = (x: Rows, times: number) => Array.from({ length: times }).reduce<Rows>(quarter, x);
  const ways = [0, 1, 2, 3].flatMap((k) => [turn(raw(turn(rows, k)), 4 - k), mirrored(turn(raw(turn(mirrored(rows), k)), 4 - k))]);
  const mean = ways[0].flatMap((row, y) => row.flatMap((pixel, x) => pixel.map((_, c) => ways.reduce((sum, way) => sum + way[y][x][c], 0) / 8)));
  const { data, height, width } = await rcan.upscale(image, { selfEnsemble: true });
  assert.deepEqual([height, width], [10, 14]);
  assert.ok(data.every((v, i) => Math.abs(v - Math.min(255, Math.max(0, mean[i]))) <= 0.5 + 1e-3));
  // One pass alone is something else.
  assert.ok(ways[0].flat(2).some((v, i) => Math.abs(v - mean[i]) > 1));
  await assertNoLeak(async () => rcan.upscale(image, { selfEnsemble: true }));
  rcan.dispose();
});

test('tiles cover a length once, with the overlap inside the image', () => {
  assert.deepEqual(spans(10, 10, 2), [{ begin: 0, end: 10, from: 0, to: 10 }]);
  assert.deepEqual(spans(10, 8, 2), [
    { begin: 0, end: 3, from: 0, to: 5 },
    { begin: 3, end: 7, from: 1, to: 9 },
    { begin: 7, end: 10, from: 5, to: 10 },
  ]);
  for (const [length, tile, overlap] of [
    [1000, 384, 16],
    [385, 384, 16],
    [37, 9, 4],
  ]) {
    const parts = spans(length, tile, overlap);
    assert.equal(parts[0].begin, 0);
    assert.equal(parts[parts.length - 1].end, length);
    parts.forEach((p, i) => {
      assert.ok(p.to - p.from <= tile && p.end > p.begin);
      if (i) assert.equal(p.begin, parts[i - 1].end);
    });
  }
  assert.throws(() => spans(100, 8, 4), UserError);
});

test('tiles equal the whole where the overlap covers the receptive field and the attention is constant', async () => {
  // Head 1, group 5, closing 1, before the shuffle 1, after it half a pixel: 9 pixels are seen around each.
  const rcan = new RCAN({ groups: 1, blocks: 2, features: 8, reduction: 4 });
  // Without its second kernel the attention's factor does not depend on the image.
  tf.tidy(() => rcan.parameters.trainable.forEach((e) => /conv_du\.2\.weight/.test(e.name) && e.variable.assign(tf.zerosLike(e.variable))));
  const image = picture(40, 50);
  const whole = await rcan.upscale(image);
  const progress: string[] = [];
  const tiled = await rcan.upscale(image, { tile: 34, overlap: 9, onProgress: (done, total) => progress.push(`${done}/${total}`) });
  assert.deepEqual(progress, ['1/12', '2/12', '3/12', '4/12', '5/12', '6/12', '7/12', '8/12', '9/12', '10/12', '11/12', '12/12']);
  assert.equal(deviation(tiled.data, whole.data).error, 0);
  // The same without an overlap does not: the test above is able to fail.
  const cut = await rcan.upscale(image, { tile: 20, overlap: 0 });
  assert.ok(deviation(cut.data, whole.data).error > 0);
  rcan.dispose();
});

test('tiles differ from the whole by the attention alone: by at most two levels near bilinear enlargement', async () => {
  const rcan = new RCAN({ groups: 2, blocks: 2, features: 16, reduction: 4 });
  startBilinear(rcan);
  const image = picture(64, 80);
  const whole = await rcan.upscale(image);
  const tiled = await rcan.upscale(image, { tile: 48, overlap: 14 });
  const differences = whole.data.map((v, i) => Math.abs(v - tiled.data[i]));
  assert.ok(Math.max(...differences) <= 2, `${Math.max(...differences)}`);
  assert.ok(
    differences.some((d) => d > 0),
    'channel attention saw no difference between a tile and the whole',
  );
  rcan.dispose();
});

test('what cannot be is refused in one sentence', async () => {
  assert.throws(() => new RCAN({ features: 30, reduction: 16 }), /RCAN.reduction: 16 does not divide the 30 features/);
  assert.throws(() => new RCAN({ scale: 5 }), /RCAN.scale: expected 2, 3 or 4, got 5/);
  assert.throws(() => new RCAN({ group: 2 } as object), /did you mean 'groups'/);
  const rcan = new RCAN(SMALL);
  await assert.rejects(rcan.upscale({ data: new Uint8Array(10), height: 2, width: 2 }), UserError);
  rcan.dispose();
});
