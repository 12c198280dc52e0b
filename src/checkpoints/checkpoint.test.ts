import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from '../common/errors';
import type { ParameterKind } from '../layers/core/parameters';
import * as tf from '../engine/tf';
import { assertNoLeak } from '../../proof/testing/close';
import { TYPESCRIPT } from '../../proof/testing/command';
import { loadCheckpoint, loadParameters, newestCheckpoint, saveCheckpoint, saveParameters } from './checkpoint';
import { fromOriginal, originalShape, toOriginal } from './layout';
import { readTensors, saveTensors } from './safetensors';

const folder = mkdtempSync(join(tmpdir(), 'checkpoint-'));
after(() => rmSync(folder, { recursive: true }));

/** A little network: one parameter of each kind, filled with `value` plus the position. */
function network(value: number, out = 4) {
  const shapes: [string, ParameterKind, number[]][] = [
    ['conv.weight', 'conv', [3, 3, 2, out]],
    ['up.weight', 'convTransposed', [3, 3, out, 2]],
    ['fc.weight', 'dense', [5, out]],
    ['conv.bias', 'vector', [out]],
  ];
  const entries = shapes.map(([name, kind, shape]) => ({
    name,
    kind,
    variable: tf.variable(
      tf
        .range(
          0,
          shape.reduce((a, b) => a * b),
        )
        .add(value)
        .reshape(shape),
    ),
  }));
  return {
    entries: () => entries,
    values: () => entries.map((e) => [...e.variable.dataSync()]),
    dispose: () => entries.forEach((e) => e.variable.dispose()),
  };
}

test('the layouts are those of PyTorch and TensorFlow', async () => {
  assert.deepEqual(originalShape('conv', [3, 5, 2, 4]), [4, 2, 3, 5]);
  assert.deepEqual(originalShape('convTransposed', [3, 5, 4, 2]), [2, 4, 3, 5]);
  assert.deepEqual(originalShape('dense', [5, 4]), [4, 5]);
  // One convolution by hand: the kernel of output o and input i as the original stores it, applied by TensorFlow.
  const original = Float32Array.from({ length: 2 * 3 * 2 * 2 }, (_, i) => i + 1);
  const kernel = fromOriginal('conv', [2, 2, 3, 2], original) as tf.Tensor4D;
  const x = tf.tensor4d(
    Array.from({ length: 12 }, (_, i) => i % 5),
    [1, 2, 2, 3],
  );
  const y = tf.conv2d(x, kernel, 1, 'valid').dataSync();
  for (let o = 0; o < 2; o++) {
    let expected = 0;
    for (let i = 0; i < 3; i++) for (let p = 0; p < 4; p++) expected += original[(o * 3 + i) * 4 + p] * ((p * 3 + i) % 5);
    assert.equal(y[o], expected);
  }
  assert.deepEqual(await toOriginal('conv', kernel), original);
  // A transposed convolution: y[2i+a, 2j+b, o] += x[i, j, c] * kernel[c, o, a, b].
  const up = fromOriginal(
    'convTransposed',
    [2, 2, 2, 3],
    Float32Array.from({ length: 24 }, (_, i) => i + 1),
  ) as tf.Tensor4D;
  const z = tf.conv2dTranspose(x, up, [1, 4, 4, 2], 2, 'valid');
  const place = z.bufferSync();
  for (const [i, j, a, b, o] of [
    [0, 0, 0, 0, 0],
    [1, 0, 1, 0, 1],
    [1, 1, 0, 1, 0],
  ]) {
    let expected = 0;
    for (let c = 0; c < 3; c++) expected += (((i * 2 + j) * 3 + c) % 5) * (((c * 2 + o) * 2 + a) * 2 + b + 1);
    assert.equal(place.get(0, 2 * i + a, 2 * j + b, o), expected);
  }
  tf.dispose([kernel, x, up, z]);
});

test("parameters are saved in the original's layout and come back bit for bit", async () => {
  const file = join(folder, 'net.safetensors');
  const a = network(0.5);
  const b = network(100);
  await saveParameters(file, a, { step: '7' });
  const { tensors } = await readTensors(file);
  assert.deepEqual(tensors.get('conv.weight')!.shape, [4, 2, 3, 3]);
  // [y=1, x=2, i=1, o=3] of the kernel, counted up in TensorFlow's order.
  assert.equal(tensors.get('conv.weight')!.data[((3 * 2 + 1) * 3 + 1) * 3 + 2], 0.5 + ((1 * 3 + 2) * 2 + 1) * 4 + 3);
  const loaded = await loadParameters(file, b);
  assert.deepEqual(loaded, { metadata: { step: '7' }, missing: [], unexpected: [] });
  assert.deepEqual(b.values(), a.values());
  await assertNoLeak(async () => {
    await saveParameters(file, a);
    await loadParameters(file, b);
  });
  a.dispose();
  b.dispose();
});

test('a checkpoint that does not fit is refused as a whole', async () => {
  const file = join(folder, 'misfit.safetensors');
  const wide = network(0, 6);
  const net = network(100);
  const before = net.values();
  await saveParameters(file, wide);
  await assert.rejects(
    loadParameters(file, net),
    (e) => e instanceof UserError && e.message.includes(file) && /conv\.weight has \[6,2,3,3\] instead of \[4,2,3,3\]/.test(e.message),
  );
  const { tensors } = await readTensors(file);
  const entry = (name: string) => ({
    name,
    shape: tensors.get(name)!.shape,
    data: tensors.get(name)!.data as Float32Array,
  });
  await saveTensors(file, [
    { name: 'conv.bias', shape: [4], data: new Float32Array(4) },
    { ...entry('conv.weight'), name: 'stranger' },
  ]);
  await assert.rejects(loadParameters(file, net), /missing: conv\.weight, up\.weight, fc\.weight; unexpected: stranger/);
  assert.deepEqual(net.values(), before);
  // Not strict: what fits is taken.
  const loaded = await loadParameters(file, net, { strict: false });
  assert.deepEqual(loaded.missing, ['conv.weight', 'up.weight', 'fc.weight']);
  assert.deepEqual(loaded.unexpected, ['stranger']);
  assert.deepEqual(net.values()[3], [0, 0, 0, 0]);
  assert.deepEqual(net.values()[0], before[0]);
  wide.dispose();
  net.dispose();
});

test('a training state comes back: networks, slots and everything else', async () => {
  const run = join(folder, 'run');
  const [g, d] = [network(1), network(2)];
  const slots = { 'm/conv': tf.tensor2d([[0.1, 3e-45]]), count: tf.scalar(12, 'int32') };
  const state = {
    step: 1200,
    random: [1, 2, 4294967295],
    config: { lr: 2e-4, name: 'x', none: null },
    best: 0.1 + 0.2,
  };
  const saved = await saveCheckpoint(run, 'latest', {
    networks: { G: g, D: d },
    extra: { optimiser: slots },
    state,
    metadata: { step: '1200' },
  });
  assert.deepEqual(readdirSync(saved).sort(), ['D.safetensors', 'G.safetensors', 'optimiser.safetensors', 'state.json']);
  assert.equal(readlinkSync(join(run, 'latest')), 'latest-000001');
  const [g2, d2] = [network(10), network(20)];
  const loaded = (await loadCheckpoint(run, 'latest', { networks: { G: g2, D: d2 }, extra: ['optimiser'] }))!;
  assert.deepEqual(loaded.state, state);
  assert.deepEqual(g2.values(), g.values());
  assert.deepEqual(d2.values(), d.values());
  assert.deepEqual(loaded.extra.optimiser.get('m/conv')!.data, Float32Array.of(0.1, 3e-45));
  assert.deepEqual(loaded.extra.optimiser.get('count'), { dtype: 'I32', shape: [], data: Int32Array.of(12) });
  // Each network's file can be used alone.
  assert.equal((await loadParameters(join(run, 'latest', 'G.safetensors'), g2)).metadata.step, '1200');
  await assert.rejects(loadCheckpoint(run, 'latest', { networks: { H: g2 } }), /holds no 'H'/);
  assert.equal(await loadCheckpoint(run, 'best', { networks: { G: g2 } }), undefined);
  assert.equal(await loadCheckpoint(join(folder, 'no-run'), 'latest'), undefined);
  await assert.rejects(saveCheckpoint(run, 'latest', { networks: {}, state: { loss: NaN } }), /'loss' cannot be held in JSON: NaN/);
  await assert.rejects(saveCheckpoint(run, 'latest', { networks: {}, state: { r: new Uint8Array(2) as unknown as number[] } }), /'r' cannot be held/);
  [g, d, g2, d2].forEach((n) => n.dispose());
  tf.dispose(slots);
});

test('a damaged checkpoint is named and the one before is used', async () => {
  const run = join(folder, 'damaged');
  const [g, loaded] = [network(0), network(50)];
  const save = async (step: number) => {
    g.entries().forEach((e) => e.variable.assign(tf.tidy(() => tf.fill(e.variable.shape, step))));
    return saveCheckpoint(run, 'latest', { networks: { G: g }, state: { step } }, { keep: 3 });
  };
  await save(1);
  const second = await save(2);
  const third = await save(3);
  const latest = () => loadCheckpoint(run, 'latest', { networks: { G: loaded } });
  assert.deepEqual((await latest())!.state, { step: 3 });

  const weights = join(third, 'G.safetensors');
  const bytes = readFileSync(weights);
  const flipped = Buffer.from(bytes);
  flipped[flipped.length - 3] ^= 4;
  for (const spoil of [() => writeFileSync(weights, flipped), () => truncateSync(weights, 100), () => truncateSync(weights, 0), () => rmSync(weights)]) {
    spoil();
    const found = (await latest())!;
    assert.deepEqual(found.state, { step: 2 });
    assert.equal(found.folder, second);
    assert.equal(found.damaged.length, 1);
    assert.ok(found.damaged[0].startsWith(weights), found.damaged[0]);
    assert.deepEqual(loaded.values()[3], [2, 2, 2, 2]);
    writeFileSync(weights, bytes);
  }
  // The file of another generation does not pass as this one's.
  writeFileSync(weights, readFileSync(join(second, 'G.safetensors')));
  assert.match((await latest())!.damaged[0], /belongs to another checkpoint/);
  writeFileSync(join(second, 'state.json'), readFileSync(join(second, 'state.json'), 'utf8').replace('"step": 2', '"step": 9'));
  assert.deepEqual((await latest())!.state, { step: 1 });
  writeFileSync(join(run, 'latest-000001', 'state.json'), '');
  const before = loaded.values();
  await assert.rejects(latest(), (e) => e instanceof UserError && /No checkpoint 'latest'.*latest-000001.*empty/.test(e.message));
  assert.deepEqual(loaded.values(), before);
  // A run can go on from there: numbers count on, the oldest go.
  assert.match(await save(4), /latest-000004$/);
  assert.deepEqual((await latest())!.state, { step: 4 });
  assert.deepEqual(readdirSync(run).sort(), ['latest', 'latest-000002', 'latest-000003', 'latest-000004']);
  g.dispose();
  loaded.dispose();
});

test('a folder that cannot be written is one sentence', async () => {
  const file = join(folder, 'a-file');
  writeFileSync(file, 'x');
  await assert.rejects(
    saveCheckpoint(join(file, 'run'), 'latest', { networks: {}, state: {} }),
    (e) => e instanceof UserError && /a-file\/run\/latest was not written/.test(e.message),
  );
});

test('killed at any moment, a whole checkpoint is left', { timeout: 60000 }, async () => {
  const run = join(folder, 'killed');
  mkdirSync(run);
  const script = join(folder, 'writer.js');
  // The weights of every generation equal its step, so a mixture would show.
  writeFileSync(
    script,
    // The engine is not needed to write files, and loading it for each child would take most of the time.
    `const engine = ${JSON.stringify(join(__dirname, '..', 'engine', 'tf.ts'))};
     require.cache[engine] = { id: engine, filename: engine, loaded: true, exports: {} };
     const { saveCheckpoint, newestCheckpoint } = require(${JSON.stringify(join(__dirname, 'checkpoint.ts'))});
     const fs = require('node:fs');
     (async () => {
       const found = await newestCheckpoint(${JSON.stringify(run)}, 'latest');
       let step = found ? JSON.parse(fs.readFileSync(found + '/state.json', 'utf8')).state.step : 0;
       for (;;) {
         step++;
         const variable = { shape: [50000], dtype: 'float32', data: async () => new Float32Array(50000).fill(step) };
         await saveCheckpoint(${JSON.stringify(run)}, 'latest', { networks: {}, extra: { G: { w: variable }, D: { w: variable } }, state: { step } });
         process.stdout.write('.');
       }
     })();`,
  );
  let last = 0;
  for (let kill = 0; kill < 6; kill++) {
    const child = spawn(process.execPath, [...TYPESCRIPT, script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: join(__dirname, '..', '..'),
    });
    // Two checkpoints are whole before each kill, however slow the machine.
    let saved = 0;
    await new Promise<void>((resolve) => child.stdout.on('data', (dots: Buffer) => (saved += dots.length) >= 2 && resolve()));
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 150));
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    const found = await loadCheckpoint(run, 'latest', { extra: ['G', 'D'] });
    assert.ok(found, 'a checkpoint is there');
    assert.deepEqual(found.damaged, []);
    const { step } = found.state as { step: number };
    for (const key of ['G', 'D']) assert.ok((found.extra[key].get('w')!.data as Float32Array).every((v) => v === step));
    assert.ok(step >= last);
    last = step;
  }
  assert.ok(last > 6);
  // Leftovers of the killed writers go with the next save.
  await saveCheckpoint(run, 'latest', { networks: {}, state: {} });
  assert.deepEqual(
    readdirSync(run).filter((n) => n.endsWith('.part')),
    [],
  );
  assert.equal(await newestCheckpoint(run, 'latest').then((f) => statSync(f!).isDirectory()), true);
});
