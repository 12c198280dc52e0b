import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertClose, assertNoLeak, normals } from '../../proof/testing/close';
import { withMaterial } from '../../proof/testing/material';
import { readNpz } from '../../proof/testing/npz';
import * as tf from '../../src/engine/tf';
import { extractFeatures, type FeatureNetwork, type Features } from './features';
import { fid } from './fid';
import { kid } from './kid';
import { describeMetric } from '../../src/metrics/metric';
import { describeNotes } from '../../src/metrics/metric';
import { nuclearNormOfProduct, singularValues } from './singular_values';

function features(rows: number[][], changes: Partial<Features> = {}): Features {
  const data = Float32Array.from(rows.flat());
  return {
    network: 'a test',
    canonical: true,
    count: rows.length,
    dimensions: rows[0].length,
    size: '8x8',
    data,
    ...changes,
  };
}

/**
 * 2d points with the given mean and the covariance diag(deviation^2), both exact: mean +- sqrt(d - 1/2) deviation_i
 * e_i.
 */
function gaussian(mean: number[], deviation: number[]): number[][] {
  const d = mean.length;
  const reach = Math.sqrt((2 * d - 1) / 2);
  return deviation.flatMap((s, i) => [1, -1].map((sign) => mean.map((m, k) => (k === i ? m + sign * reach * s : m))));
}

describe('FID', () => {
  it('of Gaussians with diagonal covariances is |m1 - m2|^2 + |s1 - s2|^2', () => {
    const real = features(gaussian([1, 2, 3], [1, 0.5, 2]));
    const fake = features(gaussian([1.5, 2, 1], [3, 0.25, 2]));
    const expected = 0.25 + 0 + 4 + 4 + 0.0625 + 0;
    // Float32 features of about 5, squared: 1e-6 each.
    assertClose(fid(real, fake).value, expected, 3e-6);
  });

  it('of covariances that do not commute has the closed form of 2x2 matrices', () => {
    // tr sqrt(S1 S2) = sqrt(tr(S1 S2) + 2 sqrt(det(S1 S2))) in two dimensions.
    const turn = (rows: number[][], a: number) => rows.map(([x, y]) => [Math.cos(a) * x - Math.sin(a) * y, Math.sin(a) * x + Math.cos(a) * y]);
    const covariance = ([s, t]: number[], a: number) => {
      const [c, n] = [Math.cos(a), Math.sin(a)];
      return [c * c * s * s + n * n * t * t, c * n * (s * s - t * t), n * n * s * s + c * c * t * t];
    };
    const [p, q] = [covariance([2, 0.5], 0.3), covariance([1, 3], 1.2)];
    const trace = p[0] * q[0] + 2 * p[1] * q[1] + p[2] * q[2];
    const expected = p[0] + p[2] + q[0] + q[2] - 2 * Math.sqrt(trace + 2 * (2 * 0.5 * 1 * 3));
    const value = fid(features(turn(gaussian([0, 0], [2, 0.5]), 0.3)), features(turn(gaussian([0, 0], [1, 3]), 1.2))).value;
    assertClose(value, expected, 3e-6);
  });

  it('is 0 between equal sets and |shift|^2 between shifted ones, also with fewer images than features', () => {
    const normal = normals(1);
    for (const [n, d] of [
      [40, 8],
      [8, 40],
    ]) {
      const rows = Array.from({ length: n }, () => Array.from({ length: d }, normal));
      // The three terms of about d cancel: rounding of 6e-8 of them remains for each singular value.
      assert.ok(fid(features(rows), features(rows)).value < 2e-6 * d);
      const shifted = rows.map((r) => r.map((v) => v + 0.5));
      assertClose(fid(features(rows), features(shifted)).value, 0.25 * d, 1e-5);
    }
  });

  it('equals numpy on real features of 20 and 20 images', (t: TestContext) => {
    const file = withMaterial(t, 'golden/inception_features_camvid_val.npz');
    if (!file) return;
    const all = readNpz(file).get('features')!.data as Float32Array;
    const of = (from: number): Features => ({
      ...features([[0]]),
      count: 20,
      dimensions: 2048,
      data: all.slice(from * 2048, (from + 20) * 2048),
    });
    // numpy, float64, features[:20] against features[20:]: 145.278229 by svd(A @ B.T) and
    // 145.278202 by eigvals(cov(a) @ cov(b)) of 2048x2048, whose zero eigenvalues are noise.
    const result = fid(of(0), of(20));
    assertClose(result.value, 145.27822865735362, 1e-6);
    assert.match(result.notes.join(), /20 real and 20 generated images for 2048 features: .* biased upwards/);
    assert.match(describeNotes([result, result]).join('|'), /^FID: 20 real[^|]*biased upwards[^|]*\.$/);
    // numpy: the unbiased estimate with k = (x @ y.T / 2048 + 1) ** 3. Terms of 1.4 cancel to it, each a float32
    // product.
    assertClose(kid(of(0), of(20)).value, 0.12366978582778865, { relative: 0, absolute: 2e-6 });
  });

  it('refuses single images and features of two networks', () => {
    assert.throws(
      () =>
        fid(
          features([[1, 2]]),
          features([
            [1, 2],
            [3, 4],
          ]),
        ),
      /at least two images in each set/,
    );
    const other = features(
      [
        [1, 2],
        [3, 4],
      ],
      { network: 'another' },
    );
    assert.throws(
      () =>
        fid(
          features([
            [1, 2],
            [3, 4],
          ]),
          other,
        ),
      /a test and of another cannot be compared/,
    );
  });

  it('is called FID only with the canonical network, and says when sizes differ', () => {
    const own = { canonical: false, network: 'segmenter' };
    const result = fid(features(gaussian([0, 0], [1, 1]), own), features(gaussian([0, 1], [1, 1]), { ...own, size: '9x9' }));
    assert.equal(result.name, 'Frechet distance');
    assert.match(result.notes[0], /not the network of published numbers/);
    assert.match(result.notes[1], /differ in size \(8x8 and 9x9\)/);
    assert.match(describeMetric(result, 2), /^Frechet distance 1\.00 \(real: 4 images 8x8, fake: 4 images 9x9; segmenter\)$/);
  });
});

describe('KID', () => {
  it('is the unbiased estimate, by hand in one dimension', () => {
    // k(0,0) = k(0,1) = k(0,2) = 1, k(1,1) = 8, k(1,2) = 27, k(2,2) = 125: (2 + 16 + 8) / 12 + 125 - 2 (8 + 8 * 27) /
    // 16
    const result = kid(features([[0], [0], [1], [1]]), features([[2], [2], [2], [2]]));
    assertClose(result.value, 26 / 12 + 125 - 28, 1e-6);
  });

  it('is the same for the same seed, and its deviation shrinks with the subsets', () => {
    const normal = normals(2);
    const set = (shift: number) => features(Array.from({ length: 200 }, () => [normal() + shift, normal(), normal()]));
    const [a, b] = [set(0), set(1)];
    const small = kid(a, b, { subsetSize: 10 });
    const large = kid(a, b, { subsetSize: 90 });
    assert.deepEqual(kid(a, b, { subsetSize: 10 }), small);
    assert.ok(large.subsets.deviation < small.subsets.deviation / 2);
    // The mean over 100 subsets estimates the same number.
    assert.ok(Math.abs(small.subsets.mean - small.value) < (4 * small.subsets.deviation) / 10);
  });

  it('refuses sets and subsets that are too small', () => {
    assert.throws(() => kid(features([[1], [2], [3]]), features([[1], [2], [3], [4]])), /at least four images/);
    const four = features([[1], [2], [3], [4]]);
    assert.throws(() => kid(four, four, { subsetSize: 5 }), /of 2 to 4 images/);
  });
});

describe('sum of singular values', () => {
  const random = (n: number, d: number, seed: number) => {
    const normal = normals(seed);
    return tf.tensor2d(Float32Array.from({ length: n * d }, normal), [n, d]);
  };

  it('is the same by TensorFlow and by rotations, in every shape', () => {
    for (const [n, m, d] of [
      [5, 9, 20],
      [30, 12, 7],
      [7, 30, 12],
      [12, 12, 12],
    ]) {
      const [a, b] = [random(n, d, 3), random(m, d, 4)];
      const product = tf.matMul(a, b, false, true);
      const rows = Array.from({ length: n }, (_, i) => Float64Array.from(product.dataSync().slice(i * m, (i + 1) * m)));
      const expected = singularValues(rows).reduce((s, v) => s + v, 0);
      assertClose(nuclearNormOfProduct(a, b), expected, 2e-6, `${n}, ${m}, ${d}`);
      tf.dispose([a, b, product]);
    }
  });

  it('by rotations has the values of a matrix whose values are known', () => {
    // [[3, 0], [4, 5]]: singular values sqrt(45) and sqrt(5).
    const values = singularValues([Float64Array.of(3, 0), Float64Array.of(4, 5)]).sort((x, y) => y - x);
    assertClose(values, [Math.sqrt(45), Math.sqrt(5)], 1e-14);
  });

  it('leaves no tensor behind', async () => {
    const [a, b] = [random(20, 5, 5), random(4, 5, 6)];
    await assertNoLeak(() => nuclearNormOfProduct(a, b));
    tf.dispose([a, b]);
  });
});

describe('features of a set', () => {
  /** Mean red and mean green. */
  const network: FeatureNetwork = {
    name: 'means',
    canonical: false,
    dimensions: 2,
    features: (images) => tf.tensor2d(images.map(({ data }) => [data[0], data[1]])),
    dispose: () => undefined,
  };
  const image = (r: number, height = 2) => ({ data: new Uint8Array(height * 6).fill(r), height, width: 2 });

  it('come in the order of the images, whatever the batch', async () => {
    for (const batch of [1, 2, 8]) {
      const seen: number[] = [];
      const result = await extractFeatures(
        [1, 2, 3, 4, 5].map((r) => image(r)),
        network,
        { batch, onProgress: (done) => seen.push(done) },
      );
      assert.deepEqual([...result.data], [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
      assert.equal(seen[seen.length - 1], 5);
    }
  });

  it('are refused for an empty set, for different sizes and for numbers that are not finite', async () => {
    await assert.rejects(extractFeatures([], network), /no images/);
    const nameOf = (i: number) => `photo${i}.jpg`;
    await assert.rejects(extractFeatures([image(1), image(2, 3)], network, { nameOf }), /photo1\.jpg is 3x2, photo0\.jpg is 2x2/);
    const broken = {
      ...network,
      features: (images: readonly unknown[]) => tf.fill([images.length, 2], NaN) as tf.Tensor2D,
    };
    await assert.rejects(extractFeatures([image(1), image(2)], broken, { nameOf }), /means gives NaN for photo0\.jpg/);
  });

  it('leave no tensor behind', async () => {
    await assertNoLeak(() => extractFeatures([image(1), image(2), image(3)], network, { batch: 2 }));
  });
});
