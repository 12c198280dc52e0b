import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, copyFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../src/common/errors';
import * as tf from '../../src/engine/tf';
import { assertClose, assertNoLeak, checkGradient, deviation } from './close';
import { FORMULA, applyFormula, formulaWeights, golden, goldenArray, goldenImage, goldenIndex, goldenJson, goldenLabels, indexOf, nhwc } from './golden';
import { material, withMaterial } from './material';
import { parseNpy, readNpz } from './npz';

test('material that is nowhere is undefined', () => {
  assert.equal(material('no-such-folder/no-such-file'), undefined);
});

test('npz: arrays of numpy come back with shape, type and values', (t) => {
  const file = withMaterial(t, 'golden/golden_small.npz');
  if (!file) return;
  const arrays = readNpz(file);
  assert.equal(arrays.size, 94);
  const label = arrays.get('in/label')!;
  assert.deepEqual(label.shape, [64, 96]);
  assert.equal(label.dtype, 'uint8');
  assert.ok(label.data instanceof Uint8Array);
  // Formulas and files were made independently of this reader.
  assert.deepEqual([...label.data], [...goldenLabels(64, 96)]);
  // One rounding of float32.
  const image = arrays.get('in/image')!;
  assertClose(nhwc({ ...image, shape: [1, ...image.shape] }), goldenImage(64, 96), 6e-8);
});

test('npz: a truncated file is named', (t) => {
  const file = withMaterial(t, 'golden/golden_rcan.npz');
  if (!file) return;
  const folder = mkdtempSync(join(tmpdir(), 'npz-'));
  const cut = join(folder, 'cut.npz');
  copyFileSync(file, cut);
  truncateSync(cut, 10000);
  assert.throws(
    () => readNpz(cut),
    (e) => e instanceof UserError && e.message.includes(cut),
  );
  writeFileSync(cut, '');
  assert.throws(
    () => readNpz(cut),
    (e) => e instanceof UserError && e.message.includes(cut),
  );
  rmSync(folder, { recursive: true });
});

test('npy: Fortran order, 64-bit integers and halves', () => {
  const npy = (descr: string, fortran: boolean, shape: string, data: ArrayBufferView) => {
    const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape}), }`.padEnd(117) + '\n';
    const head = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.from([header.length, 0])]);
    return Buffer.concat([head, Buffer.from(header), Buffer.from(data.buffer)]);
  };
  assert.deepEqual([...parseNpy(npy('<f4', true, '2, 3', Float32Array.of(1, 4, 2, 5, 3, 6)), 'x').data], [1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...parseNpy(npy('<i8', false, '2,', BigInt64Array.of(-5n, 2n ** 40n)), 'x').data], [-5, 2 ** 40]);
  assert.deepEqual([...parseNpy(npy('<f2', false, '3,', Uint16Array.of(0x3c00, 0xc000, 0x0001)), 'x').data], [1, -2, 2 ** -24]);
  assert.throws(() => parseNpy(npy('<f4', false, '3, 3', new Float32Array(8)), 'x.npy'), /x\.npy holds 32 bytes, its shape needs 36/);
  assert.throws(() => parseNpy(npy('|O', false, '1,', new Float32Array(2)), 'x.npy'), UserError);
});

test('assertClose measures against the scale of the expected values and names the place', () => {
  assert.deepEqual(deviation([1, 2, 3.5], [1, 2, 4]), {
    error: 0.5,
    scale: 4,
    relative: 0.125,
    place: [2],
    actual: 3.5,
    expected: 4,
  });
  const a = tf.tensor2d([1, 2, 3, 4.1], [2, 2]);
  assert.throws(() => assertClose(a, [1, 2, 3, 4], 0.01), /largest error 1\.000e-1 at \[1,1\]/);
  assertClose(a, [1, 2, 3, 4], 0.03);
  a.dispose();
  assert.throws(() => assertClose([NaN, 9], [1, 2], 100), /largest error NaN at \[0\]/);
  assert.throws(() => assertClose([1, 2], [1, 2, 3]), /shapes differ/);
  assert.throws(() => assertClose([0, 1e-9], [0, 0]), /allowed 0/);
});

test('checkGradient accepts right gradients and finds wrong ones', () => {
  const x = tf.randomNormal([3, 4], 0, 1, 'float32', 1);
  const y = tf.randomNormal([4, 2], 0, 1, 'float32', 2);
  checkGradient((a, b) => tf.tanh(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D)), [x, y]);
  // d(x^2) = 2x; this one says 2.02x: an error of 1%.
  const wrong = tf.customGrad((a, save) => {
    const v = a as tf.Tensor;
    (save as (t: tf.Tensor[]) => void)([v]);
    return { value: v.square(), gradFunc: (dy, saved) => dy.mul((saved as tf.Tensor[])[0].mul(2.02)) };
  });
  assert.throws(() => checkGradient((a) => wrong(a), [x]), /gradient of input 0 \[3,4\]/);
  const zero = tf.customGrad((a) => ({ value: (a as tf.Tensor).square(), gradFunc: (dy) => dy.zerosLike() }));
  assert.throws(() => checkGradient((a) => zero(a), [x]), /gradient of input 0/);
  // A variable that the function uses from its closure keeps its value.
  const v = tf.variable(tf.tensor1d([1, 2, 3]));
  checkGradient(() => v.exp(), [v]);
  assert.deepEqual([...v.dataSync()], [1, 2, 3]);
  // Two variables whose gradients depend on each other: each is moved with the other in its place.
  const u = tf.variable(tf.tensor1d([0.5, -1, 2]));
  checkGradient(() => tf.exp(tf.mul(u, v)), [u, v], { eps: 0.05 });
  tf.dispose([x, y, v, u]);
});

test('checkGradient and assertNoLeak leave no tensor, a leak is found', async () => {
  const x = tf.ones([3]);
  await assertNoLeak(() => checkGradient((a) => a.sin(), [x]));
  let leak: tf.Tensor | undefined;
  await assert.rejects(
    assertNoLeak(
      () => {
        leak = tf.ones([2]);
      },
      { warm: 0 },
    ),
    /1 tensors leaked/,
  );
  tf.dispose([x, leak!]);
});

test('formula weights equal the literal formula', () => {
  const shape = [5, 7, 3, 3];
  const weights = formulaWeights(41, shape);
  const s = Math.sqrt(2 / 63);
  const literal = Float32Array.from({ length: 315 }, (_, j) => s * Math.sin(0.37 * 42 + 0.61 * j + 0.013 * (j % 97)));
  // One unit in the last place.
  assertClose(weights, literal, 6e-8);
  assert.equal(formulaWeights(0, [4])[3], Math.fround(0.05 * Math.sin(0.37 + 3 * 0.61 + 3 * 0.013)));
});

test('formula and index are those of the golden files', (t) => {
  if (!withMaterial(t, 'golden/golden_small.json')) return;
  const { weights, ...constants } = goldenJson<typeof FORMULA & { weights: string }>('formula.json');
  assert.ok(weights.includes('sin'));
  assert.deepEqual(constants, FORMULA);
  for (const [network, count] of [
    ['G', 278],
    ['D', 20],
  ] as const) {
    const all = goldenJson<Record<string, [string, number[]][]>>('golden_small.json')[`${network}_state_dict_all`];
    const index = indexOf(all.map(([name, shape]) => ({ name, shape })));
    assert.equal(index.length, count);
    assert.deepEqual(index, goldenIndex(network));
  }
});

test("applyFormula fills TensorFlow's layout from the original's", () => {
  const kernel = tf.variable(tf.zeros([3, 3, 2, 5]));
  const statistics = tf.variable(tf.ones([5]));
  const entries = [
    { name: 'a.conv.weight_orig', variable: kernel, kind: 'conv' as const },
    { name: 'a.norm.running_var', variable: statistics, kind: 'vector' as const },
  ];
  applyFormula({ entries: () => entries });
  const values = kernel.arraySync() as number[][][][];
  const expected = formulaWeights(0, [5, 2, 3, 3]);
  for (let o = 0; o < 5; o++)
    for (let i = 0; i < 2; i++)
      for (let y = 0; y < 3; y++)
        for (let x = 0; x < 3; x++) {
          assert.equal(values[y][x][i][o], expected[((o * 2 + i) * 3 + y) * 3 + x]);
        }
  assert.deepEqual([...statistics.dataSync()], [1, 1, 1, 1, 1]);
  assert.throws(() => applyFormula({ entries: () => entries }, [[0, 'a.conv.weight', [5, 2, 3, 4]]]), /has the shape \[5,2,3,3\]/);
  tf.dispose([kernel, statistics]);
});

test('nhwc moves the channels to the end', () => {
  const a = nhwc({ shape: [1, 2, 1, 3], dtype: 'float32', data: Float32Array.of(1, 2, 3, 4, 5, 6) });
  assert.deepEqual(a.shape, [1, 1, 3, 2]);
  assert.deepEqual([...a.data], [1, 4, 2, 5, 3, 6]);
});

test('golden arrays are read once', (t) => {
  if (!withMaterial(t, 'golden/golden_rcan.npz')) return;
  assert.equal(golden('golden_rcan.npz'), golden('golden_rcan.npz'));
  assert.deepEqual(goldenArray('golden_rcan.npz', 'out').shape, [1, 3, 48, 64]);
  assert.throws(() => goldenArray('golden_rcan.npz', 'nothing'), /no array 'nothing'/);
});
