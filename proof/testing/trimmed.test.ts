import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { nhwc } from './golden';
import { ROOT } from './material';
import { readNpz, type NpyData } from './npz';
import { trimmedGolden } from './trimmed';

const packed = join(__dirname, 'golden');
const large = resolve(ROOT, '..', 'shared', 'golden');
const skip = !existsSync(large) && 'skipped: the large golden files are not on this machine';

test('what travels with the project is below 500 KB', (t) => {
  const files = readdirSync(packed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, entry) => sum + statSync(join(entry.path, entry.name)).size, 0);
  t.diagnostic(`${bytes} bytes in ${files.length} files`);
  assert.ok(bytes < 500_000);
});

test('every number of it is that of the large files', { skip }, () => {
  const trimmed = trimmedGolden();
  for (const name of ['golden_small.npz', 'golden_rcan.npz']) {
    const [ours, theirs] = [readNpz(join(trimmed, name)), readNpz(join(large, name))];
    assert.deepEqual([...ours.keys()], [...theirs.keys()]);
    for (const [key, { shape, data, sampled: { stride, first } = { stride: 1, first: 0 } }] of ours) {
      const whole = theirs.get(key)!;
      assert.deepEqual(shape, whole.shape, key);
      assert.equal(data.length, Math.ceil((whole.data.length - first) / stride), key);
      assert.ok(
        data.every((v, i) => v === whole.data[first + i * stride]),
        key,
      );
      const largest = (values: NpyData) => (values as Float32Array).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      assert.equal(largest(data), largest(whole.data), key);
    }
  }
  // What came of the upsamplers' corners, against the whole.
  const whole = readNpz(join(large, 'golden_small.npz'));
  for (const [key, corner] of readNpz(join(trimmed, 'sau.npz'))) {
    const [a, b] = [nhwc(corner), nhwc(whole.get(`sau/${key}`)!)];
    const every = b.shape[3] / a.shape[3];
    for (let i = 0; i < a.data.length; i++) {
      const [c, x, y] = [i % a.shape[3], Math.floor(i / a.shape[3]) % a.shape[2], Math.floor(i / a.shape[3] / a.shape[2])];
      assert.equal(a.data[i], b.data[(y * b.shape[2] + x) * b.shape[3] + c * every], key);
    }
  }
  for (const name of ['golden_small', 'golden_full', 'golden_rcan', 'manifest', 'split', 'tolerances', 'train_step_torch', 'formula']) {
    const [ours, { grad_total_G_loss_batch1_train, ...theirs }] = [trimmed, large].map((folder) =>
      JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')),
    );
    assert.deepEqual(ours, theirs, name);
  }
});
