import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { CLASS_NAMES } from '../classes';
import { IGNORE, type LabelMap } from '../data/types';
import { Segmenter } from '../judges/segmenter';
import { CarriedJudge } from './carried_judge';
import { maskAccuracy } from './mask_accuracy';

const root = mkdtempSync(join(tmpdir(), 'carried-'));
after(() => rmSync(root, { recursive: true, force: true }));

const map = (...names: string[]): LabelMap => ({ data: Uint8Array.from(names, (n) => CLASS_NAMES.indexOf(n)), height: 1, width: names.length });

/** A segmenter that has learnt these classes. */
function segmenterOf(...names: string[]): Segmenter {
  const segmenter = new Segmenter({ imageSize: [16, 16], features: 2 });
  segmenter.learnt = names.map((n) => CLASS_NAMES.indexOf(n));
  return segmenter;
}

test('it counts in groups of classes that are alike, of those alone that it has learnt', async () => {
  const judge = new CarriedJudge(segmenterOf('sky', 'sea', 'mountain'));
  assert.deepEqual(judge.groups.names, ['sky', 'water, sea, river, lake', 'mountain, hill', 'something else']);
  assert.deepEqual([...judge.groups.truth(map('sky', 'lake', 'hill', 'rock')).data], [0, 1, 2, IGNORE]);
  assert.deepEqual([...judge.groups.truth({ data: Uint8Array.of(255), height: 1, width: 1 }).data], [IGNORE]);
  // What it sees: a row each of sky, river and fence.
  judge.segmenter.segment = (images) => images.map(() => ({ ...map('sky', 'river', 'fence'), height: 3, width: 1 }));
  const image = { data: new Uint8Array(9), height: 3, width: 1 };
  Object.assign(judge.config, { imageSize: [3, 1] });
  const score = await maskAccuracy(judge, [{ image, labels: { ...map('sky', 'lake', 'hill'), height: 3, width: 1 } }]);
  assert.equal(score.accuracy.value, 2 / 3);
  const rest = await maskAccuracy(judge, [{ image, labels: { ...map('sky', 'sky', 'fence'), height: 3, width: 1 } }]);
  assert.deepEqual([rest.accuracy.value, rest.leftOut], [1 / 2, 1 / 3]);
  judge.dispose();
});

test('what it has learnt comes back from its file, in half precision; another number of classes is refused', async () => {
  const file = join(root, 'judge.safetensors');
  const segmenter = segmenterOf('sky', 'tree');
  segmenter.trainedOn = 'trained on nothing';
  await segmenter.save(file, { half: true });
  const judge = await CarriedJudge.load(file);
  assert.deepEqual([judge.segmenter.learnt, judge.segmenter.trainedOn], [segmenter.learnt, 'trained on nothing']);
  assert.match(judge.featureNetwork().name, /own U-Net .*not Inception's$/);
  segmenter.dispose();
  judge.dispose();
  const other = new Segmenter({ classes: 5, imageSize: [16, 16], features: 2 });
  await other.save(file);
  other.dispose();
  await assert.rejects(CarriedJudge.load(file), /judge\.safetensors: this segmenter has 5 classes, the judge needs the 29/);
});
