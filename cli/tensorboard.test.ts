import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tf from '../src/engine/tf';
import { assertNoLeak } from '../proof/testing/close';
import { eventLog } from './tensorboard';

/** The records of an event file: length (8 bytes), its checksum (4), the event, its checksum (4). */
function records(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    found.push(file.subarray(at + 12, at + 12 + length));
    at += 16 + length;
  }
  return found;
}

test('scalars stand in the event file', async (t) => {
  if (!tf.hasNativeKernels()) return t.skip('skipped: the native engine is not on this machine');
  const folder = mkdtempSync(join(tmpdir(), 'events-'));
  const log = eventLog(join(folder, 'logs'));
  log.scalars(7, { 'loss/G': 0.75, 'loss/D': 3 });
  await assertNoLeak(() => log.scalars(8, { 'loss/G': 0.5 }));
  log.flush();
  const files = readdirSync(join(folder, 'logs'));
  assert.equal(files.length, 1);
  const events = records(readFileSync(join(folder, 'logs', files[0])));
  const g = events.filter((e) => e.includes('loss/G'));
  assert.equal(g.length, 3);
  // Field 2 of an event is its step, and 0.75 is a float32 somewhere in it.
  assert.ok(g[0].includes(Buffer.from([0x10, 7])) && g[0].includes(Buffer.from(Float32Array.of(0.75).buffer)));
  rmSync(folder, { recursive: true });
});

test('without the native engine there is one sentence and nothing else', async () => {
  const before = tf.getBackend();
  await tf.setBackend('cpu');
  const said: string[] = [];
  const log = eventLog('/nowhere/at/all', (s) => said.push(s));
  log.scalars(1, { a: 1 });
  log.flush();
  assert.equal(said.length, 1);
  assert.match(said[0], /not written: they need the native engine/);
  await tf.setBackend(before);
});
