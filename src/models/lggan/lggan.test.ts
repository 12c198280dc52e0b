import assert from 'node:assert/strict';
import test from 'node:test';
import { originalShape } from '../../checkpoints/layout';
import { UserError } from '../../common/errors';
import { goldenJson } from '../../../proof/testing/golden';
import { assertClose, assertNoLeak } from '../../../proof/testing/close';
import { withMaterial } from '../../../proof/testing/material';
import { labelMap as map, scatter } from '../../../proof/testing/toy';
import * as tf from '../../engine/tf';
import { styleOfImage } from '../../layers/style';
import { type Generator, type GeneratorOutput } from './generator';
import { LGGAN } from './lggan';
import { createGenerator } from './single_branch';

const small = { ngf: 4, spadeHidden: 8, residualBlocks: 1, imageSize: [64, 96] as const };
const scene = map(64, 96, (y, x) => (y < 20 + (x >> 4) ? 1 : x < 50 ? 0 : 2));

test("every name and shape of the original's generator is there (but its unused `fc`)", (t) => {
  if (!withMaterial(t, 'golden/golden_small.json')) return;
  const g = new LGGAN();
  const ours = Object.fromEntries(g.parameters.entries().map((e) => [e.name, originalShape(e.kind, e.variable.shape)]));
  const all = goldenJson<Record<string, [string, number[]][]>>('golden_small.json').G_state_dict_all;
  const theirs = all.filter(([name]) => !name.startsWith('fc.'));
  assert.equal(all.length - theirs.length, 2);
  assert.deepEqual(ours, Object.fromEntries(theirs));
  // The original's 110 254 585 values that are not statistics or u and v, less the 268 288 of `fc`.
  assert.equal(g.parameters.count, 110254585 - 268288);
  g.dispose();
});

test('every way of upsampling runs: shapes, ranges, weights that sum to 1', () => {
  for (const upsampling of ['sau', 'transposed', 'nearest'] as const) {
    const g = new LGGAN({ ...small, upsampling });
    const out = g.generate([scene, scene], { attention: true });
    for (const image of [out.final, out.global, out.local, ...Object.values(out.perClass)]) {
      assert.deepEqual(image.shape, [2, 64, 96, 3]);
      const values = image.dataSync();
      // The weights start so small that an untrained image is grey; one at the ends of tanh has a norm gone wrong.
      assert.ok(
        values.every((v) => v > -0.9 && v < 0.9),
        upsampling,
      );
    }
    assert.deepEqual(Object.keys(out.perClass), ['0', '1', '2']);
    assert.deepEqual(out.scores.shape, [2, 29, 29]);
    tf.tidy(() => {
      assertClose(tf.sum(out.weights, 3), tf.ones([2, 64, 96]), 1e-6);
      const [local, global] = tf.split(out.weights, 2, 3);
      assertClose(tf.add(tf.mul(local, out.local), tf.mul(global, out.global)), out.final, 1e-6);
    });
    assert.equal(out.attention !== undefined, upsampling === 'sau');
    if (out.attention) {
      const shapes = [
        [2, 32, 48, 25],
        [2, 64, 96, 25],
      ];
      assert.deepEqual(
        out.attention.local.map((a) => a.shape),
        shapes,
      );
      assert.deepEqual(
        out.attention.weights.map((a) => a.shape),
        shapes,
      );
    }
    tf.dispose(out);
    g.dispose();
  }
});

test('a branch alone: its image is the result, and nothing of the other is built or computed', async (t) => {
  const both = new LGGAN(small);
  const names = (g: Generator) => g.parameters.entries().map((e) => e.name);
  const [global, local] = (['global', 'local'] as const).map((branches) => createGenerator({ ...small, branches }));
  // The names of both together, without the weight maps, are those of the whole; the start of the encoder is shared.
  const ofFusion = (name: string) => name.includes('_attention');
  assert.deepEqual(new Set([...names(global), ...names(local)]), new Set(names(both).filter((n) => !ofFusion(n))));
  const shared = names(global).filter((n) => names(local).includes(n));
  assert.deepEqual(
    shared,
    ['conv1', 'conv2', 'conv3'].flatMap((n) => [`${n}.weight`, `${n}.bias`]),
  );
  assert.ok(names(global).every((n) => /^(conv[1-5]|head_0|G_middle_|up_|conv_img)/.test(n)));
  assert.ok(names(local).every((n) => /^(conv[1-3]|resnet_blocks|deconv[345]_|deconv9|fc2)/.test(n)));
  t.diagnostic(`${both.parameters.count} parameters, global ${global.parameters.count}, local ${local.parameters.count}`);
  assert.ok(global.parameters.count + local.parameters.count < 1.1 * both.parameters.count);

  const outputs: GeneratorOutput[] = [both, global, local].map((g) => g.generate(scene, { attention: true }));
  assert.deepEqual(
    Object.keys(outputs[1]).filter((k) => outputs[1][k as keyof GeneratorOutput]),
    ['final', 'global'],
  );
  assert.deepEqual(Object.keys(outputs[2]).sort(), ['attention', 'constants', 'final', 'local', 'perClass', 'scores']);
  assert.equal(outputs[2].global, undefined);
  assert.equal(outputs[1].final, outputs[1].global);
  assert.equal(outputs[2].final, outputs[2].local);
  assert.deepEqual(outputs[2].attention!.weights, []);
  assert.throws(() => new LGGAN({ ...small, branches: 'global' }), /of the global branch alone is made by createGenerator/);
  outputs.forEach(tf.dispose);
  for (const g of [global, local]) await assertNoLeak(() => tf.dispose(g.generate(scene, { attention: true })));
  for (const g of [both, global, local]) g.dispose();
});

test('a branch alone paints what it paints beside the other, from the same weights', () => {
  const config = { ...small, noise: true, style: true };
  const both = new LGGAN(config);
  scatter(both.parameters.trainable, 1, 0.05);
  both.styles!.add(0, both.styles!.rowsOf([[1, -2, 1, 0, 2, 1, -1, 1]], [scene]));
  const output = both.generate(scene);
  for (const branches of ['global', 'local'] as const) {
    const g = createGenerator({ ...config, branches });
    const values = new Map(both.parameters.entries().map((e) => [e.name, e.variable]));
    for (const { name, variable } of g.parameters.entries()) variable.assign(values.get(name)!);
    const alone = g.generate(scene);
    assertClose(alone.final, output[branches], 1e-6, branches);
    tf.dispose(alone);
    g.dispose();
  }
  tf.dispose(output);
  both.dispose();
});

test('a map of another size is resized, IGNORE and single pixels are no obstacle', () => {
  const g = new LGGAN(small);
  for (const labels of [map(30, 50, (y) => (y < 10 ? 1 : 2)), map(64, 96, () => 255), map(64, 96, (y, x) => (y === 9 && x === 9 ? 28 : 255))]) {
    const out = g.generate(labels);
    assert.deepEqual(out.final.shape, [1, 64, 96, 3]);
    assert.ok(out.final.dataSync().every(Number.isFinite));
    tf.dispose(out);
  }
  g.dispose();
});

test('images of a batch do not depend on each other in evaluation', () => {
  const g = new LGGAN(small);
  scatter(g.parameters.trainable, 1, 0.05);
  const other = map(64, 96, (y, x) => (x < 30 ? 5 : y > 40 ? 28 : 1));
  const both = g.generate([scene, other]);
  for (const [i, labels] of [scene, other].entries()) {
    const alone = g.generate(labels);
    // The statistics of a batch are summed in another order than those of one image, and an instance norm, which divides by
    // sqrt(variance + 1e-5), amplifies the rounding of a channel that hardly varies up to 300 times: 9e-5 was measured.
    tf.tidy(() => void assertClose(tf.slice(both.final, i, 1), alone.final, 2e-4, `image ${i}`));
    tf.dispose(alone);
  }
  tf.dispose(both);
  g.dispose();
});

test('a map is painted in the style of a known scene like it, in that of a photo, or in the numbers that are given', async () => {
  const g = new LGGAN({ ...small, style: true });
  scatter(g.parameters.trainable, 1, 0.05);
  const other = map(64, 96, (y) => (y < 40 ? 5 : 28));
  const images = (labels: Parameters<Generator['generate']>[0], options: Parameters<Generator['generate']>[1] = {}) => {
    const output = g.generate(labels, options);
    const values = [output.final, output.local, output.global].map((t) => t.dataSync<'float32'>());
    tf.dispose(output);
    return values;
  };
  const differ = (a: ReturnType<typeof images>, b: typeof a) => a.map((values, i) => values.reduce((most, v, k) => Math.max(most, Math.abs(v - b[i][k])), 0));
  const average = images(scene, { style: new Array(8).fill(0) });
  // No scene is known yet.
  assert.deepEqual(images(scene), average);
  const [warm, cold] = [
    [1, 2, 0, 0, 1, 2, 0, 0],
    [0, -2, 0, 1, 0, -2, 0, 1],
  ];
  g.styles!.add(0, g.styles!.rowsOf([warm, cold], [scene, other]));
  assert.deepEqual(images(scene), images(scene, { style: warm }));
  assert.deepEqual(images(other), images(other, { style: cold }));
  for (const [number, style] of [warm, cold, warm].entries()) assert.deepEqual(images(scene, { scene: number }), images(scene, { style }));
  // Both branches are told, and so is each image of a batch, whose own it is.
  differ(images(scene), average).forEach((d, i) => assert.ok(d > 1e-3, `image ${i}: ${d}`));
  tf.tidy(() => {
    const both = g.generate([scene, other]).final;
    // As for images of a batch without a style.
    [scene, other].forEach((labels, i) => assertClose(tf.slice(both, i, 1), g.generate(labels).final, 2e-4, `image ${i}`));
  });
  const photo = { data: Uint8Array.from({ length: 100 * 130 * 3 }, (_, i) => (i * i) % 256), height: 100, width: 130 };
  assert.deepEqual(images(scene, { style: photo }), images(scene, { style: styleOfImage(photo, [64, 96]) }));
  const fault = (f: () => unknown, message: RegExp) => assert.throws(f, (e) => e instanceof UserError && message.test(e.message));
  await assertNoLeak(() => {
    fault(() => g.generate(scene, { style: [1, 2] }), /^generate\.style: expected 8 finite numbers or a photo, got 1, 2\.?$/);
    fault(() => g.generate(scene, { style: new Array(8).fill(NaN) }), /^generate\.style: expected 8 finite numbers/);
    fault(() => g.generate(scene, { scene: -1 }), /^generate\.scene: expected a whole number of at least 0, got -1/);
    fault(() => g.generate(scene, { noiseSeed: 1.5 }), /^generate\.noiseSeed: expected a whole number/);
    images(scene);
  });
  g.dispose();
  const plain = new LGGAN(small);
  for (const options of [{ style: warm }, { scene: 1 }]) fault(() => plain.generate(scene, options), /^generate: this network has no style/);
  plain.dispose();
});

test('wrong configurations and label maps are named', () => {
  const fault = (f: () => unknown, message: RegExp) => assert.throws(f, (e) => e instanceof UserError && message.test(e.message));
  fault(() => new LGGAN({ ngff: 64 } as object), /^LGGAN: there is no field 'ngff'; did you mean 'ngf'\?$/);
  fault(() => new LGGAN({ ngf: '64' } as object), /^LGGAN\.ngf: expected a number, got "64"$/);
  fault(() => new LGGAN({ ngf: 3 }), /LGGAN\.ngf/);
  fault(() => new LGGAN({ imageSize: [100, 256] }), /LGGAN\.imageSize: height and width have to be multiples of 32, got 100x256/);
  fault(() => new LGGAN({ imageSize: [192] as unknown as [number, number] }), /LGGAN\.imageSize/);
  fault(() => new LGGAN({ upsampling: 'bilinear' as 'sau' }), /LGGAN\.upsampling: expected 'sau' or 'transposed' or 'nearest', got "bilinear"/);
  fault(() => new LGGAN({ branches: 'none' as 'both' }), /LGGAN\.branches: expected 'both' or 'global' or 'local', got "none"/);
  fault(() => new LGGAN({ classes: 255 }), /at most 254 classes/);
  fault(() => new LGGAN({ behaviour: { adamEpsilon: 'jittor' as 'paper' } }), /behaviour\.adamEpsilon/);
  const g = new LGGAN(small);
  fault(() => g.prepare([map(60, 96, () => 0)]), /label map: height and width have to be multiples of 32, got 60x96/);
  fault(() => g.generate(map(64, 96, () => 29)), /value 29; the classes go from 0 to 28/);
  fault(() => g.generate([]), /no label map/);
  g.dispose();
});

test('generate leaves no tensor, also where it throws', async () => {
  const g = new LGGAN(small);
  await assertNoLeak(() => tf.dispose(g.generate(scene, { attention: true })));
  await assertNoLeak(() => assert.throws(() => g.generate(map(64, 96, () => 29))));
  g.dispose();
  await assertNoLeak(() => new LGGAN(small).dispose());
});
