import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from '../../src/common/errors';
import { LGGAN } from '../../src/models/lggan/lggan';
import { RCAN } from '../../src/models/rcan';
import { loadLGGAN, loadRCAN } from '../../src/models/pretrained';
import * as tf from '../../src/engine/tf';
import { assertClose } from '../../proof/testing/close';
import { nhwc } from '../../proof/testing/golden';
import { withMaterial } from '../../proof/testing/material';
import { readNpz } from '../../proof/testing/npz';
import { exportCheckpoint } from './export';
import { importCheckpoint } from './import';
import { saveParameters } from '../../src/checkpoints/parameters';
import { readTensors, saveTensors } from '../../src/checkpoints/safetensors';

const folder = mkdtempSync(join(tmpdir(), 'import-'));
after(() => rmSync(folder, { recursive: true }));

test('weights that Jittor saved give the images that Jittor computed, whatever program saved them', async (t) => {
  const io = withMaterial(t, 'golden/checkpoints/rcan_tiny_io.npz');
  if (!io) return;
  const arrays = readNpz(io);
  const x = nhwc(arrays.get('in')!);
  for (const name of ['rcan_tiny_jittor.pkl', 'rcan_tiny_numpy.pkl', 'rcan_tiny_torch.pth', 'rcan_tiny.safetensors']) {
    const target = join(folder, `${name}.safetensors`);
    const imported = await importCheckpoint(withMaterial(t, `golden/checkpoints/${name}`)!, target);
    assert.equal(imported.network, 'RCAN');
    assert.equal(imported.match.found.size, 48);
    const rcan = await loadRCAN(target);
    const y = tf.tidy(() => rcan.forward(tf.tensor4d(x.data as Float32Array, x.shape as [number, number, number, number])));
    assertClose(y, nhwc(arrays.get('out')!), 1e-5, name);
    y.dispose();
    rcan.dispose();
  }
});

test('a checkpoint with NaN is not loaded, and the tensor is named', async (t) => {
  const file = withMaterial(t, 'golden/checkpoints/rcan_tiny.safetensors');
  if (!file) return;
  const { tensors } = await readTensors(file);
  (tensors.get('tail.1.bias')!.data as Float32Array)[1] = NaN;
  const entries = [...tensors].map(([name, { shape, data }]) => ({ name, shape, data: data as Float32Array }));
  const spoilt = join(folder, 'spoilt.safetensors');
  const config = JSON.stringify({ groups: 2, blocks: 2, features: 16, reduction: 4 });
  await saveTensors(spoilt, entries, { network: 'RCAN', config });
  const before = tf.memory().numTensors;
  await assert.rejects(loadRCAN(spoilt), (e) => e instanceof UserError && /spoilt\.safetensors holds NaN or infinity in tail\.1\.bias/.test(e.message));
  assert.equal(tf.memory().numTensors, before);
});

test("a checkpoint goes to the original's pickle and back without a bit changed", async (t) => {
  const file = withMaterial(t, 'golden/checkpoints/rcan_tiny_jittor.pkl');
  if (!file) return;
  const [first, pickle, second] = ['first.safetensors', 'best.pkl', 'second.safetensors'].map((n) => join(folder, n));
  await importCheckpoint(file, first);
  await exportCheckpoint(first, pickle);
  await importCheckpoint(pickle, second);
  const [a, b] = [await readTensors(first), await readTensors(second)];
  assert.equal(a.sha256, b.sha256);
  await exportCheckpoint(folder, join(folder, 'again.safetensors'), { network: 'first' });
  assert.deepEqual((await readTensors(join(folder, 'again.safetensors'))).metadata, a.metadata);
});

test('in half precision kernels keep eleven bits and vectors all; a pickle in half precision is refused', async () => {
  const [whole, half] = ['whole.safetensors', 'half.safetensors'].map((n) => join(folder, n));
  const entries = [
    { name: 'kernel', shape: [2, 2], data: Float32Array.of(1 / 3, -1 / 3, 1024, 0) },
    { name: 'vector', shape: [1], data: Float32Array.of(1 / 3) },
  ];
  await saveTensors(whole, entries);
  await exportCheckpoint(whole, half, { half: true });
  const { tensors } = await readTensors(half);
  const [kernel, vector] = ['kernel', 'vector'].map((name) => tensors.get(name)!);
  assert.equal(kernel.dtype, 'F16');
  assert.deepEqual([...(kernel.data as Float32Array)], [1365 / 4096, -1365 / 4096, 1024, 0]);
  assert.deepEqual([...(vector.data as Float32Array)], [Math.fround(1 / 3)]);
  await assert.rejects(
    exportCheckpoint(whole, join(folder, 'half.pkl'), { half: true }),
    (e) => e instanceof UserError && /half precision is for \.safetensors/.test(e.message),
  );
});

test('the mean of checkpoints: each counts alike, vectors of spectral norm keep their length; one of another shape is refused', async () => {
  const [a, b, other, target] = ['mean_a', 'mean_b', 'mean_other', 'mean'].map((n) => join(folder, `${n}.safetensors`));
  const save = (file: string, kernel: number[], u: number[]) =>
    saveTensors(file, [
      { name: 'conv.weight', shape: [kernel.length], data: Float32Array.from(kernel) },
      { name: 'conv.weight_u', shape: [2], data: Float32Array.from(u) },
      { name: 'styles', shape: [1, 2], data: Float32Array.from(u) },
    ]);
  await save(a, [1, -3], [1, 0]);
  await save(b, [4, 0], [0, 1]);
  await save(other, [1, 2, 3], [1, 0]);
  // b twice: (1 + 4 + 4) / 3 and (-3) / 3; (1, 2) / sqrt(5).
  await exportCheckpoint(a, target, { mean: [b, b] });
  const { tensors } = await readTensors(target);
  assert.deepEqual([...(tensors.get('conv.weight')!.data as Float32Array)], [3, -1]);
  assert.deepEqual(
    [...(tensors.get('conv.weight_u')!.data as Float32Array)],
    [1, 2].map((x) => Math.fround(x / Math.sqrt(5))),
  );
  // Scenes have no mean: they are the first one's.
  assert.deepEqual([...(tensors.get('styles')!.data as Float32Array)], [1, 0]);
  await assert.rejects(
    exportCheckpoint(a, join(folder, 'none.safetensors'), { mean: [other] }),
    (e) =>
      e instanceof UserError && /mean_other\.safetensors is not of the same network as .*mean_a\.safetensors: they differ in conv\.weight;/.test(e.message),
  );
  await assert.rejects(exportCheckpoint(a, b, { mean: [b], half: true }), /is read/);
  await save(other, [1, 2], [-1, 0]);
  await assert.rejects(exportCheckpoint(a, join(folder, 'none.safetensors'), { mean: [other] }), /their conv\.weight_u point against each other/);
});

test('a mean of generators is painted as another class by its own weights, at another size; one of another behaviour is refused', async () => {
  const config = { imageSize: [32, 64] as const, ngf: 4, spadeHidden: 4, residualBlocks: 1, sauCompressed: 8 };
  const [a, b, c, mean, first, second] = ['like_a', 'like_b', 'like_c', 'like_mean', 'like_first', 'like_second'].map((n) => join(folder, `${n}.safetensors`));
  for (const [file, seed, said] of [
    [a, 1, {}],
    // As written before there was a style.
    [b, 2, { style: undefined }],
    [c, 2, { behaviour: 'original' }],
  ] as const) {
    const generator = new LGGAN({ ...config, seed });
    await saveParameters(file, generator.parameters, { network: 'LGGAN', config: JSON.stringify({ ...generator.config, ...said }) });
    generator.dispose();
  }
  const like = { lake: 'water' };
  await exportCheckpoint(a, mean, { mean: [b] });
  await exportCheckpoint(mean, first, { like, imageSize: [64, 64] });
  await exportCheckpoint(a, second, { mean: [b], like, imageSize: [64, 64] });
  const [one, two, alone] = [await readTensors(first), await readTensors(second), await readTensors(a)];
  assert.deepEqual(two.tensors, one.tensors);
  assert.notDeepEqual(two.tensors, alone.tensors);
  // What knows nothing of classes is the mean's.
  const kept = 'G_middle_0.conv_0.weight_u';
  assert.deepEqual(two.tensors.get(kept), (await readTensors(mean)).tensors.get(kept));
  const painted = await loadLGGAN(second);
  assert.deepEqual(painted.config.imageSize, [64, 64]);
  painted.dispose();
  await assert.rejects(exportCheckpoint(a, join(folder, 'none.safetensors'), { mean: [c] }), /their configurations differ/);
});

/*
 * Jittor's `jt.load`, by its own source where it is installed (importing it would compile for minutes: only its two functions are taken), and
 * `Module.load_parameters`, which takes numpy arrays of the parameter's shape. Without Jittor numpy reads the pickle alone.
 */
const JITTOR_LOAD = `
import ast, hashlib, importlib.util, json, os, pickle, sys
import numpy as np
spec = importlib.util.find_spec('jittor')
scope = dict(hashlib=hashlib, pickle=pickle, os=os)
if spec:
    tree = ast.parse(open(spec.origin).read())
    wanted = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in ('safeunpickle', '_load_pkl')]
    exec(compile(ast.Module(wanted, []), spec.origin, 'exec'), scope)
    weights = scope['safeunpickle'](sys.argv[1])
else:
    weights = pickle.loads(open(sys.argv[1], 'rb').read())
assert all(type(w) is np.ndarray and w.dtype == np.float32 and w.flags.c_contiguous for w in weights.values())
print(json.dumps([bool(spec), {name: [w.shape, float(w.astype('f8').sum()), float(w.ravel()[-1])] for name, w in weights.items()}]))`;

test("the original's reader gets every weight of a generator, and back here it paints the same images", async (t) => {
  const config = { imageSize: [32, 64] as const, ngf: 4, spadeHidden: 4, residualBlocks: 1, sauCompressed: 8, behaviour: 'original' as const };
  const generator = new LGGAN(config);
  const [own, pickle, back] = ['own.safetensors', 'latest_net_G.pkl', 'back.safetensors'].map((n) => join(folder, n));
  await saveParameters(own, generator.parameters, { network: 'LGGAN', config: JSON.stringify(generator.config) });
  await exportCheckpoint(own, pickle);
  const { network, match } = await importCheckpoint(pickle, back);
  assert.deepEqual([network, match.kept, match.found.size], ['LGGAN', [], generator.parameters.entries().length]);
  const again = await loadLGGAN(back);
  const sketch = { data: Uint8Array.from({ length: 32 * 64 }, (_, i) => i % 29), height: 32, width: 64 };
  const [a, b] = [generator, again].map((g) => g.forward(g.prepare([sketch])).final.dataSync());
  assert.deepEqual(again.config.imageSize, [192, 256], 'a file of weights does not tell the size of the images');
  assert.deepEqual(a, b);

  const { tensors } = await readTensors(own);
  generator.dispose();
  again.dispose();
  let output: string;
  try {
    execFileSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' });
    output = execFileSync('python3', ['-W', 'ignore', '-c', JITTOR_LOAD, pickle], { encoding: 'utf8' });
  } catch (e) {
    if (!/import numpy/.test((e as Error).message)) throw e;
    return t.diagnostic('numpy is not on this machine: read here only');
  }
  const [isJittor, weights] = JSON.parse(output) as [boolean, Record<string, [number[], number, number]>];
  t.diagnostic(`read by ${isJittor ? "Jittor's" : "numpy's"} reader`);
  assert.deepEqual(Object.keys(weights), [...tensors.keys()]);
  for (const [name, { shape, data }] of tensors) {
    const sum = (data as Float32Array).reduce((s, v) => s + v, 0);
    assert.deepEqual(weights[name][0], shape, name);
    assert.equal(weights[name][2], data[data.length - 1], name);
    assertClose(weights[name][1], sum, { relative: 1e-9, absolute: 1e-9 }, name);
  }
});

test('what cannot be exported or imported says why and writes nothing', async (t) => {
  const before = readdirSync(folder);
  await assert.rejects(exportCheckpoint(join(folder, 'nowhere'), 'x.pkl'), /There is no checkpoint .*nowhere/);
  await assert.rejects(exportCheckpoint(folder, join(folder, 'x.pkl')), /holds no G\.safetensors/);
  const file = withMaterial(t, 'golden/checkpoints/rcan_tiny.safetensors');
  if (!file) return;
  await assert.rejects(exportCheckpoint(file, join(folder, 'x.pth')), /has to end in \.pkl or \.safetensors/);
  await assert.rejects(
    importCheckpoint(file.replace('.safetensors', '_jittor.pkl'), join(folder, 'x.safetensors'), { key: 'scheduler' }),
    /no dictionary of weights under 'scheduler'; it holds model, optim/,
  );
  assert.deepEqual(readdirSync(folder), before);
});

test('what is read is never written over, also through links', async () => {
  const rcan = new RCAN({ groups: 1, blocks: 1, features: 8, reduction: 4 });
  const file = join(folder, 'mine.safetensors');
  await saveParameters(file, rcan.parameters, { network: 'RCAN', config: JSON.stringify(rcan.config) });
  rcan.dispose();
  const before = readFileSync(file);
  const [soft, hard] = [join(folder, 'soft.safetensors'), join(folder, 'hard.safetensors')];
  symlinkSync(file, soft);
  linkSync(file, hard);
  for (const target of [file, soft, hard]) {
    const refused = (e: unknown) => e instanceof UserError && e.message.includes(`${target} would be written over ${file}, which is read`);
    await assert.rejects(importCheckpoint(file, target), refused);
    await assert.rejects(exportCheckpoint(file, target), refused);
  }
  assert.deepEqual(readFileSync(file), before);
  const other = join(folder, 'other.safetensors');
  await assert.rejects(
    importCheckpoint(file, other, {
      beforeWriting: (target) => {
        throw new UserError(`no ${target}`);
      },
    }),
    /no .*other/,
  );
  assert.ok(!readdirSync(folder).includes('other.safetensors'));
});
