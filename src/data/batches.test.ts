import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../common/errors';
import { labelTiles, photo, temporaryFolder, writePairs } from '../../proof/testing/fixtures';
import { TrainingBatches, transformPair, type Batch, type BatchOptions } from './batches';
import { folderPairs } from './pairs';
import { resizeImage, resizeLabels } from './resize';
import { CLASS_NAMES } from '../classes';
import { CropBatches } from './crops';
import { Cache } from './sequence';
import { SYNONYMS } from './synonyms';
import { SrPatches } from './sr_batches';
import type { PairDataset } from './types';
import { memoryPairs } from './dataset';
import { writeNormalised } from './tensors';
import { cropPair } from './picture';

const set = (n: number, width = 16, height = 12): PairDataset =>
  memoryPairs(
    Array.from({ length: n }, (_, i) => ({ name: `p${i}`, image: photo(width, height, i), labels: labelTiles(width, height, i) })),
    'a set in memory',
  );

const take = async (source: { next(): Promise<Batch> }, n: number) => {
  const batches: Batch[] = [];
  for (let i = 0; i < n; i++) batches.push(await source.next());
  return batches;
};

const small: BatchOptions = { imageSize: [6, 8], batchSize: 2, seed: 3 };

test('transform: bicubic and nearest to the size; the original keeps the top of a square', () => {
  const pair = { name: 'a', image: photo(64, 48), labels: labelTiles(64, 48) };
  const paper = transformPair(pair, { imageSize: [12, 16] });
  assert.deepEqual(paper.image, resizeImage(pair.image, [12, 16], 'bicubic'));
  assert.deepEqual(paper.labels, resizeLabels(pair.labels, [12, 16]));
  const original = transformPair(pair, { imageSize: [12, 16], crop: 'original' });
  assert.deepEqual(original.image.data, resizeImage(pair.image, [16, 16], 'bicubic').data.slice(0, 12 * 16 * 3));
  assert.deepEqual(original.labels.data, resizeLabels(pair.labels, [16, 16]).data.slice(0, 12 * 16));
  // The bottom quarter of the photograph is never seen: blackening it changes nothing but what the filter reaches (2 taps of 3 rows).
  const black = { ...pair, image: { ...pair.image, data: pair.image.data.slice().fill(0, 43 * 64 * 3) } };
  assert.deepEqual(transformPair(black, { imageSize: [12, 16], crop: 'original' }).image, original.image);
  assert.notDeepEqual(transformPair(black, { imageSize: [12, 16] }).image, paper.image);
  assert.equal(transformPair(pair, { imageSize: [48, 64] }), pair);
  assert.throws(() => transformPair(pair, { imageSize: [16, 12], crop: 'original' }), UserError);
});

test('images are (x / 255 - 0.5) / 0.5 in float32; mirrored ones run backwards', () => {
  const image = { data: Uint8Array.of(0, 51, 255, 128, 1, 2), height: 1, width: 2 };
  const out = new Float32Array(6);
  writeNormalised(image, out);
  // By numpy: (x / np.float32(255) - np.float32(0.5)) / np.float32(0.5) of float32 x.
  assert.deepEqual([...out], [-1, -0.6000000238418579, 1, 0.003921627998352051, -0.9921568632125854, -0.9843137264251709]);
  const mirrored = new Float32Array(6);
  writeNormalised(image, mirrored, 0, true);
  assert.deepEqual([...mirrored], [...out.subarray(3), ...out.subarray(0, 3)]);
});

test('classes are shown by other names, one for each picture, the picture being the same', async () => {
  const data = set(6, 8, 6);
  const synonyms = Object.fromEntries(CLASS_NAMES.map((name, i) => [name, [name, CLASS_NAMES[(i + 1) % CLASS_NAMES.length]]]));
  const [plain, other] = await Promise.all([{}, { synonyms }].map((more) => take(new TrainingBatches(data, { ...small, flip: false, ...more }), 6)));
  let moved = 0;
  plain.forEach(({ labels, images, names }, n) => {
    assert.deepEqual([other[n].images, other[n].names], [images, names]);
    labels.forEach(({ data }, b) => {
      const shown = new Map<number, number>();
      other[n].labels[b].data.forEach((c, i) => {
        assert.ok(c === data[i] || c === (data[i] + 1) % CLASS_NAMES.length);
        assert.equal(shown.get(data[i]) ?? c, c);
        shown.set(data[i], c);
        if (c !== data[i]) moved++;
      });
    });
  });
  const all = 12 * 48;
  assert.ok(moved > all / 4 && moved < (3 * all) / 4, String(moved));
});

test('a batch: shapes, range, names; image and label map are mirrored together', async () => {
  const data = set(6, 8, 6);
  const batches = await take(new TrainingBatches(data, small), 12);
  let mirrored = 0;
  for (const { images, labels, names } of batches) {
    assert.equal(images.length, 2 * 6 * 8 * 3);
    assert.ok(images.every((v) => v >= -1 && v <= 1));
    for (let b = 0; b < 2; b++) {
      const pair = await data.at(data.names.indexOf(names[b]));
      const straight = new Float32Array(6 * 8 * 3);
      writeNormalised(pair.image, straight);
      const own = images.subarray(b * 144, (b + 1) * 144);
      const flipped = own.some((v, i) => v !== straight[i]);
      writeNormalised(pair.image, straight, 0, flipped);
      assert.deepEqual(own, straight);
      const row = (y: number) => [...pair.labels.data.subarray(y * 8, y * 8 + 8)];
      const expected = [0, 1, 2, 3, 4, 5].flatMap((y) => (flipped ? row(y).reverse() : row(y)));
      assert.deepEqual([...labels[b].data], expected);
      if (flipped) mirrored++;
    }
  }
  // 24 throws of a coin whose seed is fixed.
  assert.ok(mirrored >= 4 && mirrored <= 20, `${mirrored}`);
  const never = await take(new TrainingBatches(data, { ...small, flip: false, shuffle: false }), 1);
  assert.deepEqual(never[0].names, ['p0', 'p1']);
  assert.deepEqual(never[0].labels[1], (await data.at(1)).labels);
});

test('an epoch takes every pair once, each epoch in another order; the seed decides', async () => {
  const data = set(7);
  const source = new TrainingBatches(data, small);
  assert.equal(source.batchesPerEpoch, 3);
  const epochs = [];
  for (let e = 0; e < 4; e++) epochs.push((await take(source, 3)).flatMap((b) => b.names));
  for (const names of epochs) assert.equal(new Set(names).size, 6);
  assert.equal(new Set(epochs.map(String)).size, 4);
  const last = new TrainingBatches(data, { ...small, dropLast: false });
  assert.equal(last.batchesPerEpoch, 4);
  const whole = (await take(last, 4)).map((b) => b.names);
  assert.equal(whole[3].length, 1);
  assert.equal(new Set(whole.flat()).size, 7);
  const twice = (await take(new TrainingBatches(data, { ...small, repeat: 2 }), 7)).flatMap((b) => b.names);
  assert.ok(data.names.every((name) => twice.filter((n) => n === name).length === 2));

  const first = await take(new TrainingBatches(data, small), 5);
  assert.deepEqual(await take(new TrainingBatches(data, small), 5), first);
  const other = await take(new TrainingBatches(data, { ...small, seed: 4 }), 5);
  assert.notDeepEqual(
    other.map((b) => b.names),
    first.map((b) => b.names),
  );
});

test('after restoring, the batches are those of the uninterrupted run', async () => {
  const data = set(7);
  const options: BatchOptions = { ...small, randomCrop: { minScale: 0.4 } };
  const expected = await take(new TrainingBatches(data, options), 11);
  for (let stop = 0; stop <= 10; stop++) {
    const source = new TrainingBatches(data, options);
    await take(source, stop);
    const state = JSON.parse(JSON.stringify(source.state()));
    const resumed = new TrainingBatches(data, options);
    await take(resumed, 2);
    resumed.restore(state);
    assert.deepEqual(await take(resumed, 11 - stop), expected.slice(stop), `after ${stop}`);
  }
});

test('a state of another run is refused', () => {
  const source = new TrainingBatches(set(7), small);
  const state = source.state();
  const wrong: [unknown, RegExp][] = [
    [null, /not the place/],
    [{ ...state, epoch: -1 }, /not the place/],
    [{ ...state, seed: 9 }, /another seed \(9, now 3\)/],
    [{ ...state, batchSize: 4 }, /another batch size/],
    [{ ...state, batch: 3 }, /beyond/],
    [new TrainingBatches(set(8), small).state(), /another number of items \(8, now 7\)/],
  ];
  for (const [value, reason] of wrong) {
    assert.throws(
      () => source.restore(value),
      (e) => e instanceof UserError && reason.test(e.message),
    );
  }
});

test('random windows keep the proportions and the alignment of image and label map', async () => {
  // The image's red is the label: whatever the window, they must agree where the label is constant around.
  const labels = labelTiles(120, 60);
  const image = { data: new Uint8Array(labels.data.length * 3).map((_, i) => labels.data[Math.floor(i / 3)] * 8), height: 60, width: 120 };
  const pair = { name: 'a', image, labels };
  const data = memoryPairs([pair], 'one picture');
  const source = new TrainingBatches(data, { imageSize: [45, 60], batchSize: 1, flip: false, randomCrop: { minScale: 1 } });
  // minScale 1: the largest window of 4:3 is 80x60, which only shifts sideways, enlarged by 3/4.
  const seen = new Set<string>();
  for (let i = 0; i < 12; i++) {
    const batch = await source.next();
    const matches = Array.from({ length: 41 }, (_, x) => transformPair(cropPair(pair, x, 0, 80, 60), { imageSize: [45, 60] }));
    const at = matches.findIndex((m) => String(m.labels.data) === String(batch.labels[0].data));
    assert.ok(at >= 0, 'no window of 80x60 gives these labels');
    assert.ok(
      matches.some((m) => {
        const out = new Float32Array(45 * 60 * 3);
        writeNormalised(m.image, out);
        return String(m.labels.data) === String(batch.labels[0].data) && out.every((v, k) => v === batch.images[k]);
      }),
    );
    seen.add(String(at));
  }
  assert.ok(seen.size > 5);
});

test('options out of range, sets too small, and files that break', async (t) => {
  assert.throws(() => new TrainingBatches(set(1), small), /its 1 items do not fill a batch of 2/);
  assert.throws(() => new TrainingBatches(set(3), { ...small, randomCrop: { minScale: 0 } }), UserError);
  assert.throws(() => new TrainingBatches(set(3), { ...small, crop: 'neither' as 'paper' }), UserError);
  assert.throws(() => new TrainingBatches(set(3), { ...small, batchSize: 1.5 }), UserError);
  assert.throws(() => new TrainingBatches(set(3), { ...small, imageSize: [0, 4] }), UserError);

  const dir = temporaryFolder(t);
  await writePairs(dir, ['a', 'b', 'c', 'd'], 8, 6);
  const good = folderPairs(dir);
  let broken = true;
  const data: PairDataset = {
    ...good,
    at: (i) => (broken && i === 2 ? Promise.reject(new UserError(`${join(dir, 'imgs', 'c.jpg')}: broken`)) : good.at(i)),
  };
  const source = new TrainingBatches(data, { ...small, shuffle: false });
  await source.next();
  const state = source.state();
  await assert.rejects(source.next(), /c\.jpg: broken/);
  assert.deepEqual(source.state(), state, 'the place stays');
  broken = false;
  assert.deepEqual((await source.next()).names, ['c', 'd']);
});

test('the next batch is read while one is used; what fits is kept in memory', async () => {
  const reads: number[] = [];
  const data = set(4);
  const counting: PairDataset = { source: 's', names: data.names, length: 4, at: (i) => (reads.push(i), data.at(i)) };
  const source = new TrainingBatches(counting, { ...small, shuffle: false });
  await source.next();
  assert.deepEqual(reads, [0, 1, 2, 3]);
  await take(source, 6);
  assert.equal(reads.length, 4, 'the second epoch comes from memory');
  const without = new TrainingBatches(counting, { ...small, cacheBytes: 0 });
  await take(without, 4);
  assert.equal(reads.length, 4 + 10);

  const cache = new Cache<number>(10, () => 4);
  for (const i of [0, 1, 2, 0, 1, 2]) assert.equal(await cache.get(i, async (k) => k * 10), i * 10);
  assert.equal(cache.size, 2);
});

test('the shares of several workers put together are the batches of one, whoever reads', async () => {
  const pairs = set(8, 48, 36);
  const high = (i: number) => photo(32, 32, i);
  const enlarged = memoryPairs(
    Array.from({ length: 8 }, (_, i) => ({ name: `p${i}`, high: high(i), low: photo(16, 16, i) })),
    'pairs of two sizes',
  );
  type Share = { rank: number; size: number };
  const sources: ((
    share?: Share,
  ) => { next(): Promise<{ names: string[] }>; state(): unknown } | Promise<{ next(): Promise<{ names: string[] }>; state(): unknown }>)[] = [
    (share) => new TrainingBatches(pairs, { ...small, batchSize: 4, randomCrop: { minScale: 0.5 }, share }),
    (share) => CropBatches.of(pairs, { imageSize: [6, 8], batchSize: 4, synonyms: SYNONYMS, share }),
    (share) => new SrPatches(enlarged, { batchSize: 4, patch: 8, share }),
  ];
  for (const source of sources) {
    const [whole, first, second] = await Promise.all([source(), source({ rank: 0, size: 2 }), source({ rank: 1, size: 2 })]);
    for (let n = 0; n < 3; n++) {
      const [all, ...parts] = await Promise.all([whole.next(), first.next(), second.next()]);
      for (const [key, value] of Object.entries(all)) {
        const [a, b] = parts.map((part) => part[key as 'names']);
        assert.deepEqual(typeof value === 'number' ? a : [...a, ...b], typeof value === 'number' ? value : [...value], `${key} of batch ${n}`);
      }
      assert.deepEqual(first.state(), whole.state());
      assert.deepEqual(second.state(), whole.state());
    }
  }
  assert.throws(
    () => new TrainingBatches(pairs, { ...small, batchSize: 3, share: { rank: 0, size: 2 } }),
    (e) => e instanceof UserError && e.message === 'batchSize: a batch of 3 cannot be split evenly among 2 workers; take a multiple of 2.',
  );
});
