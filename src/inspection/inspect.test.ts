import assert from 'node:assert/strict';
import test from 'node:test';
import { UserError } from '../common/errors';
import { LGGAN } from '../models/lggan/lggan';
import { canCompile } from '../engine/compiled';
import { Convolution } from '../layers/core/convolution';
import { Sau } from '../layers/sau';
import { Spade } from '../layers/spade';
import { SpadeBlock } from '../layers/spade_block';
import { observe } from './observe';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { labelMap as map, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { inspect, sauAttention, SAU_NAMES, SPADE_LAYERS, untrained, type InspectedPart } from './inspect';

const small = { ngf: 4, spadeHidden: 8, residualBlocks: 1, imageSize: [64, 96] as const };
const scene = map(64, 96, (y, x) => (y < 20 + (x >> 4) ? 1 : x < 50 ? 0 : 2));
const other = map(32, 48, (y) => (y < 9 ? 1 : 20));

function network(): LGGAN {
  const g = new LGGAN(small);
  scatter(g.parameters.trainable, 1, 0.1);
  return g;
}

test('an inspection holds the outputs of generate, bit for bit, and changes nothing', async () => {
  const g = network();
  const before = g.generate([scene, other], { attention: true });
  const seen = inspect(g, [scene, other], { keep: ['encoder', 'attention', 'spade'] });
  const after = g.generate([scene, other], { attention: true });
  for (const name of ['final', 'global', 'local', 'weights', 'constants', 'scores'] as const) {
    assert.deepEqual(seen[name].dataSync(), before[name].dataSync(), name);
    assert.deepEqual(after[name].dataSync(), before[name].dataSync(), name);
  }
  assert.deepEqual(Object.keys(seen.perClass), Object.keys(before.perClass));
  for (const name of SAU_NAMES) assert.deepEqual(sauAttention(seen)[name].dataSync(), sauAttention(before)[name].dataSync(), name);
  assert.deepEqual(
    seen.labels.map((m) => [m.height, m.width]),
    [
      [64, 96],
      [64, 96],
    ],
  );
  tf.dispose(seen);
  for (const output of [before, after]) tf.dispose(output);
  await assertNoLeak(() => tf.dispose(inspect(g, scene)));
  g.dispose();
});

test('features and modulations have the documented shapes and are what the layers compute', () => {
  const g = network();
  const seen = inspect(g, [scene, scene], { keep: ['encoder', 'spade'] });
  const shapes = Object.fromEntries(Object.entries(seen.encoder).map(([name, t]) => [name, t.shape]));
  assert.deepEqual(shapes, { conv1: [2, 64, 96, 4], conv2: [2, 32, 48, 8], conv3: [2, 16, 24, 16], conv4: [2, 8, 12, 32], conv5: [2, 4, 6, 64] });
  assert.deepEqual(Object.keys(seen.spade).sort(), [...SPADE_LAYERS].sort());
  const sizes: Record<string, number[]> = {
    'head_0.norm_1': [2, 2, 3, 64],
    'G_middle_1.norm_0': [2, 4, 6, 64],
    'up_0.norm_0': [2, 8, 12, 64],
    'up_1.norm_1': [2, 16, 24, 16],
    'up_2.norm_s': [2, 32, 48, 16],
    'up_3.norm_0': [2, 64, 96, 8],
    'up_3.norm_1': [2, 64, 96, 4],
  };
  for (const [name, shape] of Object.entries(sizes)) {
    const { gamma, beta } = seen.spade[name as keyof typeof seen.spade]!;
    assert.deepEqual([gamma.shape, beta.shape], [shape, shape], name);
  }
  tf.tidy(() => {
    const labels = g.prepare([scene, scene]);
    const { shallow, deep } = g.encoder.apply(labels);
    assertClose(seen.encoder.conv3!, shallow, 0);
    assertClose(seen.encoder.conv5!, deep, 0);
    const spade = g.global.blocks[3].block.spades.norm_0;
    const dense = spade.modulationAsWritten(labels.at(8, 12));
    // The other way to compute them, pixel by pixel.
    assertClose(seen.spade['up_0.norm_0']!.gamma, dense.gamma, 1e-5);
    assertClose(seen.spade['up_0.norm_0']!.beta, dense.beta, 1e-5);
    labels.dispose();
  });
  tf.dispose(seen);
  g.dispose();
});

test('only what is asked for is kept', async () => {
  const g = network();
  const keys = (keep?: readonly InspectedPart[]) => {
    const seen = inspect(g, scene, { keep });
    const found = [...Object.keys(seen.encoder), ...Object.keys(seen.spade), ...(seen.attention ? ['attention'] : [])];
    tf.dispose(seen);
    return found;
  };
  assert.deepEqual(keys([]), []);
  assert.deepEqual(keys(['attention']), ['attention']);
  assert.deepEqual(keys(['up_3.norm_s', 'head_0']).sort(), ['head_0.norm_0', 'head_0.norm_1', 'up_3.norm_s']);
  assert.equal(keys().length, 5 + 9 + 1);
  await assertNoLeak(() => keys(['spade']));
  const before = tf.memory().numTensors;
  assert.throws(
    () => inspect(g, scene, { keep: ['up_3.norm0' as InspectedPart] }),
    (e: Error) => e instanceof UserError && /did you mean 'up_3\.norm_0'/.test(e.message),
  );
  assert.throws(
    () =>
      inspect(
        g,
        map(64, 96, () => 77),
      ),
    /value 77/,
  );
  assert.equal(tf.memory().numTensors, before);
  g.dispose();
});

test('the untrained network has the weights that training began with', () => {
  const trained = network();
  const start = untrained(trained);
  const fresh = new LGGAN(small);
  fresh.parameters.entries().forEach((e, i) => assert.deepEqual(start.parameters.entries()[i].variable.dataSync(), e.variable.dataSync(), e.name));
  for (const g of [trained, start, fresh]) g.dispose();
});

test('without SAU there is no attention, and a sentence says so', () => {
  const g = new LGGAN({ ...small, upsampling: 'nearest' });
  const seen = inspect(g, scene);
  assert.equal(seen.attention, undefined);
  assert.throws(() => sauAttention(seen), /SAU's weights are missing/);
  tf.dispose(seen);
  g.dispose();
});

test('a layer is heard, or refused by its name where a fast path goes around it', async () => {
  const g = network();
  const kinds = [Convolution, Sau, Spade, SpadeBlock];
  const hear = (compiled: boolean, only?: (name: string) => boolean) => {
    const names: string[] = [];
    tf.dispose(
      observe(
        g,
        kinds,
        (name) => void names.push(name),
        () => g.generate(scene, { compiled }),
        { only },
      ),
    );
    return names.sort();
  };
  const refused = (name: string) => (e: unknown) => e instanceof UserError && e.message.includes(`'${name}'`);
  await assertNoLeak(() => {
    for (const name of ['conv1', 'deconv5_1', 'deconv9', 'deconv3_local.downsample', 'up_3.norm_0.mlp_gamma'])
      assert.throws(() => hear(false, (n) => n === name || n === 'conv2'), refused(name), name);
    // Of all layers those alone are named that are not heard.
    assert.throws(
      () => hear(false),
      (e: Error) => refused('conv1')(e) && !e.message.includes("'conv2'"),
    );
  });
  const around = ['conv2', 'deconv3_local', 'up_0', 'up_0.norm_0'];
  const run = (compiled: boolean) => hear(compiled, (n) => around.includes(n));
  assert.deepEqual(run(false), around);
  // A compiled function is recorded, then compared with the layers' own results; from the third call on it is played back without them.
  if (canCompile()) {
    for (let i = 0; i < 2; i++) tf.dispose(g.generate(scene));
    assert.throws(() => run(true), refused('deconv3_local'));
  }
  g.dispose();
});
