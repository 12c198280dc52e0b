import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after } from 'node:test';
import { writePng } from '../../src/data/image';
import { paintedLandscapes } from '../../src/data/carried';
import { resizeImage, resizeLabels } from '../../src/data/resize';
import type { Pair } from '../../src/data/types';
import { LGGAN } from '../../src/models/lggan/lggan';
import { RCAN } from '../../src/models/rcan';
import { material, withMaterial } from '../../proof/testing/material';
import * as tf from '../../src/engine/tf';
import { NO_CONTEST, findContest, type Contest } from './contest';
import { bestAndWorst, galleries } from './galleries';
import { evaluateNetwork, networkTable } from './network';
import { memoryPairs, readAll } from '../../src/data/dataset';

const dir = mkdtempSync(join(tmpdir(), 'evaluation-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const nothing = join(dir, 'nothing');

const generator = new LGGAN({ ngf: 4, spadeHidden: 4, residualBlocks: 1, sauCompressed: 4, imageSize: [32, 64] });
const rcan = new RCAN({ groups: 1, blocks: 1, features: 8, reduction: 4 });
after(() => [generator, rcan].forEach((n) => n.dispose()));

async function painted(count: number): Promise<Pair[]> {
  return (await readAll(paintedLandscapes(), count)).map(({ name, image, labels }) => ({
    name,
    image: resizeImage(image, [96, 256]),
    labels: resizeLabels(labels, [96, 256]),
  }));
}

/** Two maps, and an "original's output" of the second. */
async function contestOf(pairs: readonly Pair[]): Promise<Contest> {
  return {
    labels: memoryPairs(
      pairs.map(({ name, labels }) => ({ name, labels })),
      'test',
    ),
    originals: memoryPairs([{ name: pairs[1].name, image: pairs[1].image }], 'test'),
  };
}

test('without any judge: what is left out is said, the pictures are there, no tensor is left', async () => {
  const photos = memoryPairs(await painted(2), 'landscapes');
  const before = tf.memory().numTensors;
  const report = await evaluateNetwork(generator, rcan, photos, { folder: nothing, windows: 2, segmenter: 'independent' });
  assert.equal(tf.memory().numTensors, before);
  assert.deepEqual([report.heldOut.painted.length, report.heldOut.evaluations.length], [4, 0]);
  assert.deepEqual([report.contest, report.original], [undefined, undefined]);
  assert.match(report.sentences[0], /^Mask accuracy and mIoU are left out/);
  assert.ok(report.sentences.some((s) => /^The aesthetic score/.test(s)) && report.sentences.includes(NO_CONTEST));
  for (const { photo, labels, bicubic, rcan: enlarged } of report.heldOut.painted) {
    for (const image of [photo!, labels, bicubic, enlarged!]) assert.deepEqual([image.height, image.width], [64, 128]);
  }
  assert.deepEqual(Object.keys(galleries(report)), ['evaluation_held_out']);
  // What was published stands in the table all the same.
  assert.equal(networkTable(report).split('\n').length, 4);
});

test("with no network of others at hand the project's judge stands in: rows of both sets, the original's outputs by the same judge, FID only where there are photographs", async (t) => {
  const pairs = await painted(2);
  const report = await evaluateNetwork(generator, rcan, memoryPairs(pairs, 'landscapes'), {
    folder: nothing,
    windows: 2,
    contest: await contestOf(pairs),
  });
  assert.deepEqual(
    report.heldOut.evaluations.map((e) => e.row.scaling),
    ['BICUBIC', 'RCAN'],
  );
  const names = (evaluation: { measures: { generated: { name: string } }[] }) => evaluation.measures.map((m) => m.generated.name);
  assert.deepEqual(names(report.heldOut.evaluations[1]), ['mask accuracy', 'mIoU', 'Frechet distance', 'kernel distance']);
  assert.deepEqual(names(report.contest!.evaluations[1]), ['mask accuracy', 'mIoU']);
  assert.ok(report.contest!.notes.some((n) => /^FID and KID are left out/.test(n)));
  assert.equal(report.original!.maps, 1);
  assert.equal(report.original!.theirs.mask!.generated.accuracy.sizes.generated, '96x256');
  // No contest score by the project's judge.
  assert.equal(report.heldOut.evaluations[1].row.score, undefined);
  const table = networkTable(report);
  t.diagnostic(`\n${table}`);
  const rows = table
    .split('\n')
    .slice(2)
    .map((line) => line.split(' | ')[0]);
  assert.deepEqual(rows.slice(0, 6), [
    '| BICUBIC, held-out windows (4)',
    '| RCAN, held-out windows (4)',
    "| BICUBIC, the contest's label maps (2)",
    "| RCAN, the contest's label maps (2)",
    '| 1 of these maps, ours',
    "| 1 of these maps, the original's published outputs",
  ]);
  assert.match(table, /BICUBIC, as published .* \| 0\.9028 \| 4\.9005 \| 44\.6153 \| 0\.4712 \|/);
  assert.deepEqual(Object.keys(galleries(report)), ['evaluation_held_out', 'evaluation_best_and_worst', 'evaluation_contest']);
  assert.ok((await bestAndWorst(report.heldOut, 'x', 1)!.png()).length > 1000);
});

test("the original's published outputs by the independent judges: NIMA's scores are the known ones", async (t) => {
  const folder = withMaterial(t, 'weights/nima_mobilenet.onnx') && material('weights');
  if (!folder) return;
  const labels = material('data/contest_labels');
  const contest = labels ? findContest(dirname(labels)) : {};
  if (!contest.originals) return t.skip("skipped: the contest's material is not on this machine");
  const report = await evaluateNetwork(generator, undefined, memoryPairs(await painted(1), 'landscapes'), {
    folder,
    windows: 2,
    segmenter: 'independent',
    contest,
  });
  assert.equal(report.contest!.painted.length, 8);
  assert.equal(report.original!.maps, 3);
  const { row, measures } = report.original!.theirs;
  const aesthetic = measures.find((m) => m.generated.name === 'aesthetic score')!.generated;
  // Scores of the reference implementation, which reads the same JPEG files.
  [3.935, 4.02, 4.466].forEach((score, i) =>
    assert.ok(
      aesthetic.perImage!.some((v) => Math.abs(v - score) < 0.02),
      `${score} of ${aesthetic.perImage} (${i})`,
    ),
  );
  assert.ok(row.maskAccuracy! > 0.5, 'a landscape of the original is recognised');
  t.diagnostic(JSON.stringify(row));
  t.diagnostic(report.contest!.notes.join(' '));
});

test('the material of the contest is looked for in a folder of data sets', async () => {
  assert.deepEqual(findContest(nothing), {});
  const folder = join(dir, 'datasets/contest_labels');
  mkdirSync(folder, { recursive: true });
  await writePng(join(folder, 'map.png'), { data: new Uint8Array(32 * 64), height: 32, width: 64 });
  const contest = findContest(join(dir, 'datasets'));
  assert.deepEqual(contest.labels!.names, ['map']);
  assert.equal(contest.originals, undefined);
});
