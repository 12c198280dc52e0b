import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { findWeights, WEIGHTS } from '../judges/weights';
import { material, withMaterial } from '../../proof/testing/material';
import { INCEPTION_FILE, INCEPTION_SHA256 } from '../judges/inception_weights';
import { downloadWeights } from './weights';

const root = mkdtempSync(join(tmpdir(), 'weights-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('the list: whole checksums, one name for Inception', () => {
  for (const { files } of Object.values(WEIGHTS)) for (const f of files) assert.match(f.sha256, /^[0-9a-f]{64}$/);
  assert.equal(WEIGHTS.inception.files[0].sha256, INCEPTION_SHA256);
  assert.equal(WEIGHTS.inception.files[0].path, INCEPTION_FILE);
});

test('files come from a folder, are found, and are not copied twice', async (t) => {
  const file = withMaterial(t, 'weights/edsr_f64b5_x2.onnx');
  if (!file) return;
  const folder = join(root, 'good');
  const options = { names: ['edsr', 'vgg19'] as const, from: dirname(file), folder };
  assert.deepEqual(
    (await downloadWeights(options)).map((o) => o.state),
    ['fetched', 'fetched'],
  );
  assert.ok(existsSync(join(folder, 'vgg19_imagenet_uint8', 'weights.bin')));
  assert.equal(findWeights('edsr', folder), join(folder, 'edsr_f64b5_x2.onnx'));
  assert.deepEqual(
    (await downloadWeights({ ...options, from: undefined })).map((o) => o.state),
    ['present', 'present'],
  );
  // A damaged file is replaced.
  writeFileSync(join(folder, 'edsr_f64b5_x2.onnx'), 'damaged');
  assert.equal((await downloadWeights(options))[0].state, 'fetched');
});

test('a wrong checksum is refused, a file without an address is said to be so', async () => {
  const from = join(root, 'bad');
  mkdirSync(from);
  writeFileSync(join(from, 'nima_mobilenet.onnx'), Buffer.alloc(WEIGHTS.aesthetic.files[0].size));
  const folder = join(root, 'none');
  const [bad, absent] = await downloadWeights({ names: ['aesthetic', 'segmenter'], from, folder });
  assert.equal(bad.state, 'failed');
  assert.match(bad.reason!, /checksum is .* instead of 5feb7e0f4fa9/);
  assert.equal(existsSync(join(folder, 'nima_mobilenet.onnx')), false);
  assert.deepEqual([absent.state, /does not hold mosaic_ade20k\.onnx/.test(absent.reason!)], ['unavailable', true]);
  const [failed] = await downloadWeights({ names: ['inception'], folder, pythons: ['no-such-python'] });
  assert.match(failed.reason!, /there is no Python/);
  const [wrong] = await downloadWeights({ names: ['edsr'], from: join(root, 'missing'), folder });
  assert.match(wrong.reason!, /there is no such folder/);
});

test('the listed files are those at hand', async (t) => {
  if (!material('weights/mosaic_ade20k.onnx')) return t.skip('skipped: weights/ is not on this machine');
  const outcomes = await downloadWeights({ names: ['segmenter', 'aesthetic'], from: material('weights'), folder: join(root, 'all') });
  assert.deepEqual(
    outcomes.map((o) => o.state),
    ['fetched', 'fetched'],
  );
});
