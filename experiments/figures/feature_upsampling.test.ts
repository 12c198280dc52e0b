import assert from 'node:assert/strict';
import test from 'node:test';
import { LGGAN } from '../../src/models/lggan/lggan';
import { assertClose, assertNoLeak, normals } from '../../proof/testing/close';
import { labelMap, scatter } from '../../proof/testing/toy';
import * as tf from '../../src/engine/tf';
import { featureUpsampling, transposedFeatures, upsampleFeatures } from './feature_upsampling';
import { componentsImage, principalComponents, project, rangesOf } from './principal_components';
import { assertNothingCut, assertTextsApart, drawnTexts } from '../../proof/testing/figures';

const SMALL = { ngf: 4, spadeHidden: 4, residualBlocks: 1, sauCompressed: 4, imageSize: [64, 96] as const };
const scene = labelMap(64, 96, (y, x) => (y < 20 + (x >> 4) ? 1 : y < 44 ? 0 : 2));

function small(upsampling: 'sau' | 'transposed'): LGGAN {
  const generator = new LGGAN({ ...SMALL, upsampling });
  scatter(generator.parameters.entries(), 3);
  return generator;
}

test('principal components: directions and variances that the points were made of', async () => {
  const next = normals(5);
  // Along (3, 4, 0)/5 ten times as far as along the third axis; nothing across.
  const points = Array.from({ length: 400 }, () => [next() * 10, next()]).map(([a, b]) => [1 + 0.6 * a, 2 + 0.8 * a, 3 + b]);
  const x = tf.tensor2d(points);
  const projection = await principalComponents(x, 2);
  assertClose(projection.directions[0], [0.6, 0.8, 0], { absolute: 0.02 });
  assertClose(projection.directions[1], [0, 0, 1], { absolute: 0.02 });
  const [first, second] = await project(tf.reshape(x, [1, 20, 20, 3]) as tf.Tensor4D, projection);
  const variance = (v: Float32Array) => v.reduce((s, a) => s + a * a, 0) / v.length;
  assert.ok(variance(first) > 50 * variance(second));
  // What is one number everywhere has a mean of zero and any directions, orthonormal all the same.
  const flat = await principalComponents(tf.ones([9, 3]), 3);
  flat.directions.forEach((a, i) =>
    flat.directions.forEach((b, k) =>
      assertClose(
        a.reduce((s, v, j) => s + v * b[j], 0),
        i === k ? 1 : 0,
        { absolute: 1e-12 },
      ),
    ),
  );
  await assert.rejects(principalComponents(tf.ones([9, 2]), 3), /2 channels have no 3/);
});

test('colours: the first component is lightness, values beyond the range are clamped', () => {
  const ramp = Float32Array.from([0, 1, 2, 3]);
  const flat = new Float32Array(4).fill(0.5);
  const image = componentsImage(
    [ramp, flat, flat],
    [
      [1, 2],
      [0, 1],
      [0, 1],
    ],
    1,
    4,
  );
  assert.deepEqual([...image.data], [26, 26, 26, 26, 26, 26, 230, 230, 230, 230, 230, 230]);
  assert.deepEqual(rangesOf([Float32Array.from({ length: 101 }, (_, i) => i)]), [[2, 98]]);
});

test('SAU with all weight on the middle is nearest; interpolations go through the same 1x1 convolution', () => {
  const generator = small('sau');
  // The middle tap of all four parities (12 * 4 + parity) outweighs the rest.
  const bias = generator.parameters.entries().find((e) => e.name === 'deconv3_local.sakg_block.semantic_kernel_generation.bias')!.variable;
  tf.tidy(() => bias.assign(tf.tensor1d(Array.from({ length: 100 }, (_, i) => (i >> 2 === 12 ? 1e4 : 0)))));
  const [first, second] = upsampleFeatures(generator, scene);
  assert.deepEqual([first.name, first.input.shape, second.name, second.input.shape], ['deconv3_local', [1, 16, 24, 16], 'deconv4_local', [1, 32, 48, 8]]);
  assertClose(first.results.nearest, first.results.SAU, 1e-5);
  assert.throws(() => assertClose(first.results.bilinear, first.results.SAU, 1e-2));
  assert.throws(() => assertClose(second.results.nearest, second.results.SAU, 1e-2));
  // The mean of bilinear over a 2x2 block inside is (almost) the pixel it came from: half-pixel centres.
  const weight = generator.parameters.entries().find((e) => e.name === 'deconv3_local.downsample.weight')!.variable;
  assert.deepEqual(weight.shape, [1, 1, 16, 8]);
  tf.dispose([first, second].map(({ input, results }) => ({ input, ...results })));
  generator.dispose();
});

test('the figure: every way over the whole map and enlarged, no text cut, no tensor left', async () => {
  const [sau, transposed] = [small('sau'), small('transposed')];
  const figure = await featureUpsampling(sau, scene, { transposed });
  await assertNothingCut(figure);
  await assertTextsApart(figure);
  const texts = drawnTexts(await figure.svg()).map((t) => t.text);
  for (const text of ['nearest', 'bilinear', 'SAU', 'label map', 'enlarged']) assert.ok(texts.includes(text), text);
  assert.ok(texts.some((t) => t.startsWith('transposed')));
  assert.equal(figure.box(3, 4).width, figure.box(0, 0).width);
  await assertNoLeak(() => featureUpsampling(sau, scene, { transposed }));
  assert.throws(() => upsampleFeatures(transposed, scene), /trained with upsampling 'transposed'/);
  assert.throws(() => transposedFeatures(sau, scene), /trained with 'sau'/);
  await assertTextsApart(await featureUpsampling(sau, scene));
  sau.dispose();
  transposed.dispose();
});
