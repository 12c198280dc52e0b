import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { imageFolder } from '../../src/data/pairs';
import { srFolders } from '../../src/data/sr_pairs';
import { psnr } from '../../src/metrics/image_quality';
import { material, withMaterial } from '../../proof/testing/material';
import { Edsr } from './edsr';

test('EDSR reaches 37.65 dB on Set5 x2, what its file was measured to reach elsewhere', async (t) => {
  const set5 = withMaterial(t, 'data/set5');
  if (!set5) return;
  const file = material('edsr_f64b5_x2.onnx') ?? withMaterial(t, 'weights/edsr_f64b5_x2.onnx');
  if (!file) return;
  const edsr = await Edsr.load(file);
  const pairs = srFolders(imageFolder(join(set5, 'LRx2')), imageFolder(join(set5, 'HR')));
  let sum = 0;
  for (let i = 0; i < pairs.length; i++) {
    const { low, high } = await pairs.at(i);
    sum += psnr(await edsr.upscale(low), high, { channel: 'y', border: 2 });
  }
  await edsr.dispose();
  assert.equal((sum / pairs.length).toFixed(2), '37.65');
});
