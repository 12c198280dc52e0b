import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, bootstrapMean } from './bootstrap';

test('the interval of a mean is that of the normal approximation', () => {
  const values = Array.from({ length: 400 }, (_, i) => Math.sin(i * 12.9898) * 3 + (i % 7));
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length);
  const half = (1.96 * deviation) / Math.sqrt(values.length);
  const interval = bootstrapMean(values, { resamples: 4000 })!;
  // 4000 resamples leave about 3 % of the half width to chance; 10 % is three times that.
  assert.ok(Math.abs(interval.low - (mean - half)) < 0.1 * half, `${interval.low} ${mean - half}`);
  assert.ok(Math.abs(interval.high - (mean + half)) < 0.1 * half, `${interval.high} ${mean + half}`);
  assert.deepEqual(bootstrapMean(values), bootstrapMean(values));
  assert.notDeepEqual(bootstrapMean(values), bootstrapMean(values, { seed: 1 }));
});

test('constants have no width, one image has no interval, a centre is kept', () => {
  assert.deepEqual([bootstrapMean([2, 2, 2])!.low, bootstrapMean([2, 2, 2])!.high], [2, 2]);
  assert.equal(bootstrapMean([2]), undefined);
  const { low, high } = bootstrap([50, 30], (a, b) => a[0] - b[0], { centre: 100 })!;
  assert.ok(Math.abs((low + high) / 2 - 100) < 6 && high > low);
});
