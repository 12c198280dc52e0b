/** The commands one after the other on a tiny data set, as a user would call them; and what they say to bad input. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import sharp from 'sharp';
import { writePng } from '../src/data/image';
import { saveParameters } from '../src/checkpoints/parameters';
import { copyPainted } from '../src/data/embedded';
import { LGGAN } from '../src/models/lggan/lggan';
import { type Said, command } from '../proof/testing/command';
import { TOY_NETWORK } from '../proof/testing/toy';

/** A few toy steps take half as long one operation after the other as recorded; tests of `compiled` hold both together. */
process.env.LGGAN_COMPILED = '0';

const dir = mkdtempSync(join(tmpdir(), 'chain-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const set = join(dir, 'set');
const [G, R] = [join(dir, 'G'), join(dir, 'R')];

const train = (...more: string[]) =>
  command(
    'train',
    '--input_path',
    join(set, 'train'),
    '--output_path',
    G,
    ...TOY_NETWORK,
    '--style',
    '--vgg',
    'none',
    '--epochs',
    '2',
    '--second_stage_from',
    '2',
    '--steps_per_epoch',
    '2',
    '--val_path',
    join(set, 'val'),
    '--evaluate_every',
    '2',
    ...more,
  );

test('split, construct-sr, train in two stages, train-rcan, generate with RCAN and attention, evaluate', async () => {
  await copyPainted(join(set, 'train'), { count: 12, size: [96, 128] });
  assert.match(command('split', '--input_path', set, '--count', '4').out, /8 pairs in train, 4 in val/);
  assert.match(command('construct_sr', '--input_path', set).out, /12 photos resized/);

  assert.equal(train('--stage', '1').status, 0);
  const steps = () =>
    readFileSync(join(G, 'history.csv'), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((row) => row.split(',')[0]);
  assert.deepEqual(steps(), ['1', '2']);
  assert.equal(train('--stage', '2').status, 0);
  assert.deepEqual(steps(), ['1', '2', '3', '4']);
  assert.match(train('--stage', '2').out, /complete, 2 of 2 epochs; raise --epochs/);
  assert.deepEqual(steps(), ['1', '2', '3', '4']);
  assert.ok(existsSync(join(G, 'best-000001', 'G.safetensors')), 'no best checkpoint');

  const rcan = command(
    'train_rcan',
    '--input_path',
    set,
    '--output_path',
    R,
    '--groups',
    '1',
    '--blocks',
    '1',
    '--features',
    '8',
    '--reduction',
    '4',
    '--batch_size',
    '2',
    '--patch',
    '16',
    '--epochs',
    '1',
    '--steps_per_epoch',
    '2',
  );
  assert.equal(rcan.status, 0, rcan.err);

  const results = join(dir, 'results');
  const labels = join(set, 'val', 'labels');
  const generated = command('generate', '--input_path', labels, '--output_path', results, '--checkpoint', G, '--use_sr', '--sr_checkpoint', R, '--attention');
  assert.equal(generated.status, 0, generated.err);
  const names = readdirSync(labels).map((file) => file.replace('.png', ''));
  assert.deepEqual(
    readdirSync(results)
      .filter((n) => !n.startsWith('.'))
      .sort(),
    names.flatMap((n) => [`${n}.jpg`, `${n}_parts.png`, `${n}_sau.png`]).sort(),
  );
  const { width, height } = await sharp(join(results, `${names[0]}.jpg`)).metadata();
  // That of the label maps, not the network's 32x64.
  assert.deepEqual([height, width], [96, 128]);
  assert.match(generated.err + generated.out, /is 96x128, of another shape than the network's 32x64/);
  const lit = (...style: string[]) => {
    const into = join(dir, style.join('_').replaceAll(/[^a-z0-9]/g, ''));
    const run = command('generate', '--input_path', labels, '--output_path', into, '--checkpoint', G, '--png', '--size', 'network', '--limit', '1', ...style);
    assert.equal(run.status, 0, run.err);
    return readFileSync(join(into, `${names[0]}.png`));
  };
  // What four steps taught of styles is less than a level of 255, mostly: that of a photo far from all landscapes shows.
  const glaring = join(dir, 'glaring.png');
  await writePng(glaring, { data: Uint8Array.from({ length: 3 * 32 * 64 }, (_, i) => (i % 3 === 0 ? 255 : 0)), height: 32, width: 64 });
  const glared = lit('--style', glaring);
  assert.notDeepEqual(glared, lit('--style', 'average'));
  assert.notDeepEqual(glared, lit('--scene', '0'));
  for (const n of names) for (const figure of ['parts', 'sau']) rmSync(join(results, `${n}_${figure}.png`));

  const judged = command('evaluate', '--labels', labels, '--fake', results, '--real', join(set, 'val'), '--train', join(set, 'train'), '--json');
  assert.equal(judged.status, 0, judged.err);
  const { row, metrics } = JSON.parse(judged.out.slice(judged.out.indexOf('{'))) as { row: Record<string, number>; metrics: { name: string; n: object }[] };
  assert.ok(row.maskAccuracy >= 0 && row.maskAccuracy <= 1);
  // A score takes all three judges, which a machine has or has not.
  assert.equal(row.score === undefined, row.aesthetic === undefined || !metrics.some((m) => m.name === 'FID'));
  assert.ok(metrics.length >= 8 && metrics.every((m) => Object.keys(m.n).length > 0));

  const figures = join(dir, 'figures');
  const network = command(
    'evaluate',
    '--checkpoint',
    G,
    '--sr_checkpoint',
    R,
    '--photos',
    join(set, 'train'),
    '--windows',
    '1',
    '--judges',
    dir,
    '--segmenter',
    'independent',
    '--figure_path',
    figures,
  );
  assert.equal(network.status, 0, network.err);
  assert.ok(network.err.includes(`Generator: ${G}, as asked.`) && network.err.includes(`RCAN: ${R}, as asked.`), network.err);
  assert.match(network.out, /as published .*\| 0\.9028 \| 4\.9005 \| 44\.6153 \| 0\.4712 \|[^]*Mask accuracy and mIoU are left out: [^]*Galleries:/);
  assert.ok(existsSync(join(figures, 'evaluation_held_out.png')));

  await writePng(join(results, 'small.png'), { data: new Uint8Array(32 * 64), height: 32, width: 64 });
  rmSync(join(results, `${names[1]}.jpg`));
  renameSync(join(results, 'small.png'), join(results, `${names[1]}.png`));
  const mixed = command('evaluate', '--labels', labels, '--fake', results, '--real', join(set, 'val'));
  assert.equal(mixed.status, 2);
  assert.ok(mixed.err.includes(`${results}: ${names[1]} is 32x64, ${results}: ${names[0]} is 96x128: the images of a set must have one size`), mixed.err);
});

test('bad input: one sentence that names it, exit status 2, nothing written', async () => {
  const bad = join(dir, 'bad');
  mkdirSync(bad);
  const out = join(dir, 'nothing');
  const generate = (...args: string[]) => command('generate', '--output_path', out, ...args);
  const inPlace = join(dir, 'in-place');
  mkdirSync(inPlace);
  const mine = join(inPlace, 'a.png');
  writeFileSync(mine, readFileSync(join(set, 'val', 'labels', readdirSync(join(set, 'val', 'labels'))[0])));
  const before = readFileSync(mine);
  const refusedInPlace = command('generate', '--png', '--input_path', inPlace, '--output_path', `${inPlace}/`, '--checkpoint', G);
  assert.equal(refusedInPlace.status, 2);
  assert.match(refusedInPlace.err, /a\.png would be written over .*a\.png, which is read/);
  assert.deepEqual(readFileSync(mine), before);
  const refused = (run: Said, sentence: RegExp) => {
    assert.equal(run.status, 2, run.err);
    assert.match(run.err, sentence);
    assert.doesNotMatch(run.err, /\n\s+at /);
    assert.ok(!existsSync(out) || readdirSync(out).length === 0);
  };
  refused(generate('--input_path', bad, '--checkpoint', G), /bad.*(empty|no label maps)/);
  await writePng(join(bad, 'sketch.png'), { data: new Uint8Array(32 * 64).fill(29), height: 32, width: 64 });
  refused(generate('--input_path', bad, '--checkpoint', G), /sketch\.png.*29/);
  writeFileSync(join(bad, 'sketch.png'), '');
  refused(generate('--input_path', bad, '--checkpoint', G), /sketch\.png/);
  refused(generate('--input_path', bad, '--checkpoint', join(dir, 'none')), /none.*no such checkpoint/);
  refused(generate('--input_path', bad, '--checkpont', G), /--checkpont.*--checkpoint/);
  const maps = join(set, 'val', 'labels');
  refused(generate('--input_path', maps, '--checkpoint', G, '--style', join(dir, 'no.jpg')), /no\.jpg/);
  const plain = join(dir, 'plain.safetensors');
  const network = new LGGAN({ ngf: 4, spadeHidden: 4, residualBlocks: 1, sauCompressed: 4, imageSize: [32, 64] });
  await saveParameters(plain, network.parameters, { network: 'LGGAN', config: JSON.stringify(network.config) });
  network.dispose();
  refused(generate('--input_path', maps, '--checkpoint', plain, '--scene', '1'), /--style and --scene: .*plain\.safetensors has no style/);
  refused(command('evaluate', '--labels', bad), /--labels, --fake and --real go together/);
  // A checkpoint of another shape: the run was made with ngf 4.
  refused(train('--ngf', '6'), /G\.safetensors.*shape/s);
});
