import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { saveParameters } from '../checkpoints/parameters';
import { UserError } from '../common/errors';
import { CLASS_NAMES } from '../classes';
import { labelMap, scatter } from '../../proof/testing/toy';
import { exportCheckpoint } from '../../tools/convert/export';
import { assertClose } from '../../proof/testing/close';
import type { Generator } from './lggan/generator';
import { createGenerator } from './lggan/single_branch';
import { chooseCheckpoint, loadGenerator, loadLGGAN, pretrained } from './pretrained';
import * as tf from '../engine/tf';

const dir = mkdtempSync(join(tmpdir(), 'pretrained-'));
after(() => rmSync(dir, { recursive: true, force: true }));

test('what is named, else what comes with the project, whatever was trained since; each says which it is', async () => {
  const folder = join(dir, 'order');
  await assert.rejects(
    chooseCheckpoint('LGGAN', undefined, folder),
    (e) => e instanceof UserError && /pretrained.lggan\.safetensors, the network that comes with the project, is missing.*--checkpoint\.$/.test(e.message),
  );
  await assert.rejects(chooseCheckpoint('RCAN', undefined, folder), /pretrained.rcan\.safetensors.*--sr_checkpoint\.$/);
  assert.deepEqual(await chooseCheckpoint('RCAN', 'else.safetensors', folder), { path: 'else.safetensors', sentence: 'RCAN: else.safetensors, as asked.' });

  mkdirSync(join(folder, 'pretrained'), { recursive: true });
  writeFileSync(pretrained('LGGAN', folder), '');
  const carried = await chooseCheckpoint('LGGAN', undefined, folder);
  assert.equal(carried.path, join(folder, 'pretrained', 'lggan.safetensors'));
  assert.match(carried.sentence, /comes with the project\.$/);

  // A run that has begun and saved nothing is none yet.
  mkdirSync(join(folder, 'lggan', 'latest-000001'), { recursive: true });
  writeFileSync(join(folder, 'lggan', 'history.csv'), 'step\n');
  assert.deepEqual(await chooseCheckpoint('LGGAN', undefined, folder), carried);
  writeFileSync(join(folder, 'lggan', 'latest-000001', 'G.safetensors'), '');
  const beside = await chooseCheckpoint('LGGAN', undefined, folder);
  assert.equal(beside.path, carried.path);
  assert.match(beside.sentence, /; --checkpoint .*lggan takes the one that was trained here\.$/);
});

test('a network in half precision paints as in full, whatever its branches', async () => {
  for (const branches of ['both', 'global', 'local'] as const) {
    const generator = createGenerator({ ngf: 4, spadeHidden: 8, residualBlocks: 1, imageSize: [32, 64], branches });
    const file = join(dir, `${branches}.safetensors`);
    await saveParameters(file, generator.parameters, { config: JSON.stringify(generator.config), network: 'LGGAN' }, { half: true });
    const loaded = await loadGenerator(file);
    assert.equal(loaded.config.branches, branches);
    if (branches !== 'both') await assert.rejects(loadLGGAN(file), new RegExp(`has its ${branches} branch alone`));
    const map = labelMap(32, 64, (y, x) => (y < 12 ? 1 : x < 30 ? 0 : 2));
    const [expected, actual] = [generator.generate(map), loaded.generate(map)];
    // Ten bits of mantissa, through some twenty layers.
    assertClose(actual.final, expected.final, 0.02, branches);
    tf.dispose(expected);
    tf.dispose(actual);
    generator.dispose();
    loaded.dispose();
  }
});

test('exported with a class that is painted like another one', async () => {
  const file = join(dir, 'own.safetensors');
  const likened = join(dir, 'likened.safetensors');
  const generator = createGenerator({ ngf: 4, spadeHidden: 8, residualBlocks: 1, sauCompressed: 8, imageSize: [32, 64] });
  scatter(generator.parameters.trainable, 3);
  await saveParameters(file, generator.parameters, { config: JSON.stringify(generator.config), network: 'LGGAN' });
  await exportCheckpoint(file, likened, { like: { lake: 'sea' } });
  const loaded = await loadGenerator(likened);
  const map = (name: string) => labelMap(32, 64, (y) => CLASS_NAMES.indexOf(y < 14 ? 'sky' : name));
  const painted = (network: Generator, name: string) =>
    tf.tidy(() => tf.slice(network.generate(map(name)).final, [0, 1, 1, 0], [1, 30, 62, 3]).dataSync()) as Float32Array;
  assertClose(painted(loaded, 'lake'), painted(generator, 'sea'), 1e-5);
  assertClose(painted(loaded, 'sea'), painted(generator, 'sea'), 1e-5);
  await assert.rejects(exportCheckpoint(file, likened, { like: { pond: 'sea' } }), /no class 'pond'/);
  generator.dispose();
  loaded.dispose();
});

test('at another size it has the same weights, and paints as one that was made for it', async () => {
  const file = join(dir, 'size.safetensors');
  const larger = join(dir, 'larger.safetensors');
  const generator = createGenerator({ ngf: 4, spadeHidden: 8, residualBlocks: 1, sauCompressed: 8, imageSize: [64, 96] });
  await saveParameters(file, generator.parameters, { config: JSON.stringify({ ...generator.config, imageSize: [32, 64] }), network: 'LGGAN' });
  await exportCheckpoint(file, larger, { imageSize: [64, 96] });
  const map = labelMap(64, 96, (y, x) => (y < 12 ? 1 : x < 30 ? 0 : 2));
  const expected = generator.generate(map);
  for (const loaded of [await loadGenerator(file, { imageSize: [64, 96] }), await loadGenerator(larger)]) {
    const actual = loaded.generate(map);
    assert.deepEqual(actual.final.shape, [1, 64, 96, 3]);
    assertClose(actual.final, expected.final, 0, 'final');
    tf.dispose(actual);
    loaded.dispose();
  }
  tf.dispose(expected);
  generator.dispose();
  await assert.rejects(exportCheckpoint(file, join(dir, 'larger.pkl'), { imageSize: [64, 96] }), /a size of images is for \.safetensors only/);
  await assert.rejects(loadGenerator(file, { imageSize: [50, 96] }), /LGGAN\.imageSize: height and width have to be multiples of 32, got 50x96/);
});
