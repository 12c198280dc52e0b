import assert from 'node:assert/strict';
import test from 'node:test';
import { CLASS_NAMES } from '../../src/classes';
import { paintedLandscapes } from '../../src/data/carried';
import { subset } from '../../src/data/dataset';
import * as tf from '../../src/engine/tf';
import { Segmenter } from '../../tools/judges/segmenter';
import { CarriedJudge } from '../../tools/judges/carried_judge';
import { classTable, confusionFigure, judgeReport, judgeTable } from './judge_report';

test('a report has a row of real pictures and one of flat colours, and the share of each class that was found', async () => {
  const before = tf.memory().numTensors;
  const segmenter = new Segmenter({ imageSize: [24, 32], features: 2 });
  const judge = new CarriedJudge(segmenter);
  const sky = CLASS_NAMES.indexOf('sky');
  segmenter.segment = (images) => images.map(() => ({ data: new Uint8Array(24 * 32).fill(sky), height: 24, width: 32 }));
  const report = await judgeReport(judge, subset(paintedLandscapes(), [0, 40, 80, 120], 'four paintings'));
  // It calls everything sky: right on the sky alone, in groups and in classes, in pictures and in flat colours.
  const share = report.realClasses.accuracy.value;
  assert.ok(share > 0.05 && share < 0.6, `${share}`);
  for (const score of [report.real, report.flat, report.flatClasses]) assert.equal(score.accuracy.value, share);
  const rows = judgeTable([report]).split('\n').slice(2);
  assert.equal(rows.length, 2);
  assert.match(rows[0], new RegExp(`^\\| four paintings \\| 4 real ones .* \\| ${share.toFixed(3)} \\(`));
  assert.match(rows[1], /^\| four paintings \| flat mean colours \|/);
  assert.match(classTable(report), new RegExp(`\\| sky \\| ${(100 * share).toFixed(2)} % \\| 1\\.000 \\| ${share.toFixed(3)} \\|`));
  assert.ok((await confusionFigure(report.real).png()).length > 1000);
  judge.dispose();
  assert.equal(tf.memory().numTensors, before);
});
