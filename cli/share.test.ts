import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { ROOT } from '../proof/testing/material';
import { readTensorsHeader } from '../src/checkpoints/safetensors';
import { LGGAN_DEFAULTS } from '../src/models/lggan/config';
import { given, trained } from './share';

test('an option in both forms, or none', () => {
  const argv = ['node', 'train.ts', '--ngf=16', '--batch_size', '4', '--crops'];
  assert.deepEqual(
    ['ngf', 'batch_size', 'seed'].map((name) => given(name, argv)),
    ['16', '4', undefined],
  );
});

test('what is trained: by default, by options, and by the file or run that it begins with', async (t) => {
  assert.deepEqual(trained([]), { ngf: 64, pixels: 2 * 192 * 256 });
  // It stands before the engine and cannot read these.
  assert.deepEqual([LGGAN_DEFAULTS.ngf, LGGAN_DEFAULTS.imageSize], [64, [192, 256]]);
  assert.deepEqual(trained(['--ngf', '16', '--image_size', '96x128', '--batch_size', '4']), { ngf: 16, pixels: 4 * 96 * 128 });
  const folder = mkdtempSync(join(tmpdir(), 'share '));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'a run', 'latest'), { recursive: true });
  const carried = join(ROOT, 'checkpoints/pretrained/lggan.safetensors');
  const { ngf } = JSON.parse((await readTensorsHeader(carried)).metadata.config) as { ngf: number };
  assert.notEqual(ngf, 64);
  copyFileSync(carried, join(folder, 'a run', 'latest', 'G.safetensors'));
  for (const start of ['a run', join('a run', 'latest', 'G.safetensors')]) {
    assert.deepEqual(trained(['--start', start, '--ngf', '64', '--image_size', '64x96'], folder), { ngf, pixels: 2 * 64 * 96 });
  }
  assert.equal(trained(['--start', 'nowhere'], folder).ngf, 64);
});
