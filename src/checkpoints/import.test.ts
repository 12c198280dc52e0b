import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from '../errors';
import { loadRCAN } from '../models/pretrained';
import * as tf from '../tf';
import { assertClose } from '../testing/close';
import { nhwc } from '../testing/golden';
import { withMaterial } from '../testing/material';
import { readNpz } from '../testing/npz';
import { exportCheckpoint } from './export';
import { importCheckpoint } from './import';
import { readTensors, saveTensors } from './safetensors';

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
    const y = tf.tidy(() =>
      rcan.forward(tf.tensor4d(x.data as Float32Array, x.shape as [number, number, number, number])),
    );
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
