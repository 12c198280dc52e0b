/** Sound or odd inputs as people have them: an answer or one sentence, never a stack. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after } from 'node:test';
import sharp from 'sharp';
import { parameterEntries } from '../src/checkpoints/parameters';
import { saveTensors } from '../src/checkpoints/safetensors';
import { UserError } from '../src/common/errors';
import { copyPainted } from '../src/data/embedded';
import { LGGAN } from '../src/models/lggan/lggan';
import { loadLGGAN, loadRCAN } from '../src/models/pretrained';
import { RCAN } from '../src/models/rcan';
import { importCheckpoint } from '../tools/convert/import';
import { command as run } from '../proof/testing/command';
import { TOY_NETWORK } from '../proof/testing/toy';

/** A few toy steps take half as long one operation after the other as recorded; tests of `compiled` hold both together. */
process.env.LGGAN_COMPILED = '0';

const dir = mkdtempSync(join(tmpdir(), 'odd-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const at = (...names: string[]) => join(dir, ...names);

function command(name: string, ...args: string[]) {
  const said = run(name, ...args);
  assert.doesNotMatch(said.err, /^\s+at /m);
  return said;
}

test('weights with the prefixes of wrappers, or without our metadata', async () => {
  const rcan = new RCAN({ groups: 1, blocks: 1, features: 4, reduction: 2 });
  // As another program writes it: the original's names and layout, nothing beside them.
  const entries = parameterEntries(rcan.parameters);
  await saveTensors(at('plain.safetensors'), entries, {});
  await importCheckpoint(at('plain.safetensors'), at('expected.safetensors'));
  for (const prefix of ['module.', 'netG.', 'generator.', 'module.netG.']) {
    await saveTensors(
      at('p.safetensors'),
      entries.map((e) => ({ ...e, name: prefix + e.name })),
      {},
    );
    await importCheckpoint(at('p.safetensors'), at('imported.safetensors'));
    assert.deepEqual(readFileSync(at('imported.safetensors')), readFileSync(at('expected.safetensors')), prefix);
  }
  (await loadRCAN(at('expected.safetensors'))).dispose();
  // An RCAN's sizes can be read off its tensors.
  const plain = await loadRCAN(at('plain.safetensors'));
  assert.deepEqual(plain.config, rcan.config);
  const values = (network: RCAN) => network.parameters.entries().map(({ variable }) => [...variable.dataSync()]);
  assert.deepEqual(values(plain), values(rcan));
  plain.dispose();
  rcan.dispose();
  const refused = /no configuration in it.*import-checkpoint/;
  await assert.rejects(loadRCAN(at('p.safetensors')), (e) => e instanceof UserError && refused.test(e.message));
  await assert.rejects(loadLGGAN(at('plain.safetensors')), (e) => e instanceof UserError && /holds the network RCAN, not LGGAN/.test(e.message));
  // A generator's tensors do not tell the size of its images.
  const lggan = new LGGAN({ imageSize: [32, 32], ngf: 2, spadeHidden: 1, residualBlocks: 1, sauCompressed: 1 });
  await saveTensors(at('g.safetensors'), parameterEntries(lggan.parameters), {});
  lggan.dispose();
  await assert.rejects(loadLGGAN(at('g.safetensors')), (e) => e instanceof UserError && refused.test(e.message));
});

test('what lies in the place of a checkpoint is told', async () => {
  for (const [content, sentence] of [
    ['PK\x03\x04archive', /import-checkpoint/],
    ['\x80\x02}q\x00.', /import-checkpoint/],
    ['version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /git lfs pull/],
    ['<!DOCTYPE html><html>', /web page/],
  ] as const) {
    writeFileSync(at('x.pth'), content, 'latin1');
    await assert.rejects(loadRCAN(at('x.pth')), (e) => e instanceof UserError && sentence.test(e.message) && e.message.includes(at('x.pth')));
  }
});

test('training on whose discriminator nothing is finite skips, then ends with one sentence', async () => {
  await copyPainted(at('set'), { count: 2, size: [32, 64] });
  const { status, err } = command(
    'train',
    '--input_path',
    at('set'),
    '--output_path',
    at('run'),
    ...TOY_NETWORK,
    '--batch_size',
    '1',
    '--epochs',
    '8',
    '--vgg',
    'none',
    '--learning_rate',
    '1e30',
  );
  assert.equal(status, 2, err);
  assert.match(err, /it was skipped/);
  assert.match(err, /lower the learning rate/);
});

test('the recipe of the network that comes with the project asks for VGG19, which one may leave out by saying so', async () => {
  await copyPainted(at('recipe'), { count: 2, size: [32, 64] });
  const run = ['--input_path', at('recipe'), '--output_path', at('recipe_run'), '--recipe', 'pretrained', '--vgg', 'none', '--epochs', '1', ...TOY_NETWORK];
  const { status, err } = command('train', ...run);
  assert.equal(status, 2, err);
  assert.match(
    err,
    /^--recipe pretrained: it judges by VGG19's features, too, .*checkpoints\/README\.md says which they are, --loss_weights '\{\}' does without\.$/m,
  );
  const without = command('train', ...run, '--loss_weights', '{}');
  assert.equal(without.status, 0, without.err);
  // What the recipe says else counts: a discriminator without feature matching, an average of the weights.
  assert.doesNotMatch(readFileSync(at('recipe_run/history.csv'), 'utf8').split('\n')[0], /featureMatching/);
  assert.ok(existsSync(at('recipe_run/latest/EMA.safetensors')));
});

test('one generated image: mask accuracy stands, FID is left out with its sentence', async () => {
  await copyPainted(at('real'), { count: 3, size: [32, 64] });
  for (const part of ['imgs', 'labels']) mkdirSync(at('one', part), { recursive: true });
  const [name] = readdirSync(at('real/labels')).map((n) => n.replace('.png', ''));
  copyFileSync(at('real/labels', `${name}.png`), at('one/labels', `${name}.png`));
  const photo = ['.jpg', '.png'].map((e) => name + e).find((n) => existsSync(at('real/imgs', n)))!;
  copyFileSync(at('real/imgs', photo), at('one/imgs', photo));
  const { status, out, err } = command('evaluate', '--labels', at('one'), '--fake', at('one/imgs'), '--real', at('real'), '--segmenter', 'own');
  assert.equal(status, 0, err);
  assert.match(out, /mask accuracy/i);
  assert.match(out, /FID.*left out/);
  // Two images are enough for FID, not for KID; one real pair is enough for neither.
  const second = readdirSync(at('real/labels'))[1].replace('.png', '');
  const judged = (real: string) =>
    command('evaluate', '--labels', at('one'), '--fake', at('one/imgs'), '--real', real, '--train', at('real'), '--segmenter', 'own');
  for (const part of ['imgs', 'labels'])
    for (const n of readdirSync(at('real', part)).filter((f) => f.startsWith(second))) copyFileSync(at('real', part, n), at('one', part, n));
  const two = judged(at('real'));
  assert.match(two.out, /^KID is left out: it needs at least four images in each set, there are 3 real and 2 generated/m, two.err);
  assert.match(two.out, /Frechet distance/);
  await copyPainted(at('single'), { count: 1, size: [32, 64] });
  const single = judged(at('single'));
  assert.equal(single.status, 0, single.err);
  assert.match(single.out, /^FID and KID are left out: .* 1 real and 2 generated/m);
  assert.match(single.out, /mask accuracy/i);
});

test('evaluate-sr: a picture that cannot be measured is left out by name, a flat one does not make the mean infinite', async () => {
  mkdirSync(at('sr'));
  const noise = Buffer.from(Array.from({ length: 48 * 48 * 3 }, (_, i) => (i * 7919) % 251));
  await sharp(noise, { raw: { width: 48, height: 48, channels: 3 } })
    .png()
    .toFile(at('sr/a.png'));
  const flat = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: '#808080' } }).png();
  await flat(1, 1).toFile(at('sr/dot.png'));
  await flat(1, 40).toFile(at('sr/line.png'));
  await flat(12, 12).toFile(at('sr/tiny.png'));
  await flat(48, 48).toFile(at('sr/flat.png'));
  const { status, out, err } = command('evaluate_sr', '--input_path', at('sr'), '--self_ensemble', '--json');
  assert.equal(status, 0, err);
  for (const name of ['dot', 'line', 'tiny']) assert.match(err, new RegExp(`Left out: ${name}: `));
  assert.match(err, /flat: equal to the original by .*bicubic/);
  const rows = JSON.parse(out) as Record<string, number>[];
  assert.deepEqual(
    rows.slice(0, 3).map((row) => row.method as unknown),
    ['bicubic', 'RCAN', 'RCAN+'],
  );
  // The means of PSNR are those of the one picture that every method changes.
  rmSync(at('sr/flat.png'));
  const alone = JSON.parse(command('evaluate_sr', '--input_path', at('sr'), '--self_ensemble', '--json').out) as Record<string, number>[];
  for (const [i, row] of rows.entries())
    assert.deepEqual([row['PSNR Y (dB)'], row['PSNR RGB (dB)'], alone[i].images], [alone[i]['PSNR Y (dB)'], alone[i]['PSNR RGB (dB)'], 1]);
  for (const row of rows) assert.ok(row.images === 2 && Number.isFinite(row['PSNR Y (dB)']) && Number.isFinite(row['SSIM Y']), out);
});

test('export-checkpoint --like: pairs that are none, a class named twice and one that there is not are told', () => {
  const lggan = 'checkpoints/pretrained/lggan.safetensors';
  for (const [like, sentence] of [
    ['lake', /--like: expected pairs such as lake=water,hill=mountain, got 'lake'/],
    ['lake=water,lake=sea', /--like: 'lake' is named twice/],
    ['pnod=water', /there is no class 'pnod'/],
  ] as const) {
    const { status, err } = command('export_checkpoint', lggan, '--like', like, '--output_path', at('like.safetensors'));
    assert.equal(status, 2, err);
    assert.match(err, sentence);
  }
  assert.ok(!existsSync(at('like.safetensors')));
});

test('export-checkpoint --mean: no path, and one that there is not, are told', () => {
  const lggan = 'checkpoints/pretrained/lggan.safetensors';
  for (const [mean, sentence] of [
    [`${lggan},`, /--mean: expected paths with a comma between them, got '.*,'/],
    [at('nowhere.safetensors'), /There is no checkpoint .*nowhere/],
  ] as const) {
    const { status, err } = command('export_checkpoint', lggan, '--mean', mean, '--output_path', at('mean.safetensors'));
    assert.equal(status, 2, err);
    assert.match(err, sentence);
  }
  assert.ok(!existsSync(at('mean.safetensors')));
});

test('a file that a command did not write stays, until --overwrite is said', async () => {
  await copyPainted(at('kept/set'), { count: 3, size: [32, 64] });
  await copyPainted(at('kept/sr/train'), { count: 1, size: [32, 64] });
  const [photo] = readdirSync(at('kept/sr/train/imgs')).map((name) => name.replace(/\.\w+$/, ''));
  const training = [...TOY_NETWORK, '--epochs', '1', '--vgg', 'none'];
  for (const [file, sentence, name, ...args] of [
    ['page.html', /is not what this command wrote; .*--overwrite/, 'explore', '--labels', at('kept/set'), '--output_path', at('kept/page')],
    ['network_rcan.svg', /--overwrite/, 'figures', '--only', 'network_rcan', '--output_path', at('kept')],
    ['site/index.html', /--overwrite/, 'studio', '--export', at('kept/site')],
    ['a.json', /--overwrite/, 'ablation', '--json_path', at('kept/a.json'), '--input_path', at('kept/set')],
    ['figures/evaluation_held_out.png', /--overwrite/, 'evaluate', '--photos', at('kept/set'), '--figure_path', at('kept/figures')],
    [`sr/train/imgs_lr/${photo}.jpg`, /--overwrite/, 'construct_sr', '--input_path', at('kept/sr')],
    ['run/samples.png', /choose another --output_path/, 'train', '--input_path', at('kept/set'), '--output_path', at('kept/run'), ...training],
    ['run2/history.csv', /is not a history/, 'train', '--input_path', at('kept/set'), '--output_path', at('kept/run2'), ...training],
  ] as const) {
    const path = at('kept', file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'mine');
    // Older than what it would be made from.
    utimesSync(path, 1, 1);
    const { status, err } = command(name, ...args);
    assert.equal(status, 2, `${name}: ${err}`);
    assert.match(err, sentence, name);
    assert.ok(err.includes(path), err);
    assert.equal(readFileSync(path, 'utf8'), 'mine', name);
  }
  // With the word, and again without it: then it is the command's own.
  for (const more of [['--overwrite'], []]) {
    const { status, err } = command('construct_sr', '--input_path', at('kept/sr'), ...more);
    assert.equal(status, 0, err);
    utimesSync(at('kept/sr/train/imgs', readdirSync(at('kept/sr/train/imgs'))[0]), new Date(), new Date(Date.now() + 1000));
  }
  assert.notEqual(readFileSync(at('kept/sr/train/imgs_lr', `${photo}.jpg`), 'utf8'), 'mine');
});
