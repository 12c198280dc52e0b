import type { Size } from '../../src/data/types';
import assert from 'node:assert/strict';
import test from 'node:test';
import * as tf from '../../src/engine/tf';
import { OWNERS, profile } from './profile';
import { DEFAULT_WORKLOAD, build, labelMaps } from './workloads';

const TOY = { ...DEFAULT_WORKLOAD, size: [32, 32] as Size, ngf: 4 };

test('every workload runs, by tables and the dense way alike', async () => {
  for (const kind of ['forward', 'backward'] as const) {
    const run = await build({ ...TOY, kind });
    await run();
    const before = tf.memory().numTensors;
    await run();
    assert.equal(tf.memory().numTensors, before, `${kind} leaves tensors`);
  }
  const read = await build({ ...TOY, kind: 'data', batch: 2 });
  await read();
});

test('label maps: the same ones each time, as noisy as asked for', async () => {
  const [noise] = await labelMaps({ ...TOY, labels: 'noise', classes: 150 });
  const [again] = await labelMaps({ ...TOY, labels: 'noise', classes: 150 });
  assert.deepEqual(noise, again);
  assert.ok(new Set(noise.data).size > 140);
  const [single] = await labelMaps({ ...TOY, labels: 'single' });
  assert.equal(new Set(single.data).size, 1);
});

test('a profile counts every kernel for its block and pass, and leaves no trace behind', async (t) => {
  if (!tf.hasNativeKernels()) return t.skip('kernels are timed on the native engine');
  const run = await build({ ...TOY, kind: 'backward' });
  const original = tf.backend();
  const method = (original as unknown as { executeSingleOutput: unknown }).executeSingleOutput;
  const slices = profile(() => void run(), OWNERS);
  assert.equal((tf.backend() as unknown as { executeSingleOutput: unknown }).executeSingleOutput, method);
  const found = (block: string, pass: string) => slices.some((s) => s.block === block && s.pass === pass && s.calls > 0);
  for (const block of ['encoder', 'residual blocks', 'SPADE blocks, convolutions', 'SAU']) {
    assert.ok(found(block, 'forward') && found(block, 'backward'), block);
  }
  const calls = slices.reduce((n, s) => n + s.calls, 0);
  const second = profile(() => void run(), OWNERS).reduce((n, s) => n + s.calls, 0);
  assert.equal(second, calls);
});
