/** A disk that is full: one sentence, the earlier checkpoint whole, and with space again the run goes on as if nothing had been. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import promises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadCheckpoint, saveCheckpoint } from '../../src/checkpoints/checkpoint';
import { writeWhole } from '../../src/common/atomic';
import { UserError } from '../../src/common/errors';
import { TYPESCRIPT } from './command';
import { crashAt } from './crash';
import * as tf from '../../src/engine/tf';
import { History } from '../../src/training/history';

const root = mkdtempSync(join(tmpdir(), 'full-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** From the n-th write on there is no space. Half of that write is made, as disks do. */
async function fullAfter(n: number, work: () => Promise<unknown>): Promise<unknown> {
  const { open, writeFile } = promises;
  let writes = 0;
  const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  promises.open = (async (...args: Parameters<typeof open>) => {
    const handle = await open(...args);
    const methods = handle as unknown as Record<string, (...a: unknown[]) => Promise<unknown>>;
    for (const name of ['write', 'writeFile']) {
      const original = methods[name].bind(handle);
      methods[name] = async (data, ...rest) => {
        if (++writes <= n) return original(data, ...rest);
        if (name === 'writeFile') await original(Buffer.from(data as string).subarray(0, 7));
        throw full();
      };
    }
    return handle;
  }) as typeof open;
  promises.writeFile = (async (...args: Parameters<typeof writeFile>) => {
    if (++writes <= n) return writeFile(...args);
    throw full();
  }) as typeof writeFile;
  try {
    return await work().then(
      () => undefined,
      (e: unknown) => e,
    );
  } finally {
    Object.assign(promises, { open, writeFile });
  }
}

const content = (step: number) => {
  const variable = tf.variable(tf.fill([50], step));
  return { checkpoint: { networks: {}, extra: { slots: { a: variable, b: variable } }, state: { step } }, variable };
};

test('a checkpoint for which there is no space, at whichever write: one sentence, the one before is whole', async (t) => {
  const run = join(root, 'run');
  await saveCheckpoint(run, 'latest', content(1).checkpoint);
  let n = 0;
  for (; ; n++) {
    const e = await fullAfter(n, () => saveCheckpoint(run, 'latest', content(2).checkpoint));
    if (e === undefined) break;
    assert.ok(e instanceof UserError && /run\/latest was not written: the disk is full: free some space and start again\.$/.test(e.message), String(e));
    assert.deepEqual(readdirSync(run).sort(), ['latest', 'latest-000001']);
    assert.deepEqual((await loadCheckpoint(run, 'latest'))!.state, { step: 1 });
  }
  t.diagnostic(`${n} writes`);
  assert.ok(n >= 4);
  assert.deepEqual((await loadCheckpoint(run, 'latest'))!.state, { step: 2 });
});

test('a checkpoint killed at any change of the disk: it, or the one before, is whole', async () => {
  for (let n = 0; ; n++) {
    const run = join(root, `killed${n}`);
    await saveCheckpoint(run, 'latest', content(1).checkpoint);
    await saveCheckpoint(run, 'latest', content(2).checkpoint);
    const killed = await crashAt(n, () => saveCheckpoint(run, 'latest', content(3).checkpoint));
    const { state, damaged, extra } = (await loadCheckpoint(run, 'latest', { extra: ['slots'] }))!;
    const { step } = state as { step: number };
    assert.deepEqual(damaged, []);
    assert.ok(step === 3 || (killed && step === 2), `${step} after the kill at change ${n}`);
    assert.ok((extra.slots.get('b')!.data as Float32Array).every((v) => v === step));
    await saveCheckpoint(run, 'latest', content(4).checkpoint);
    assert.deepEqual((await loadCheckpoint(run, 'latest'))!.state, { step: 4 });
    if (!killed) {
      assert.ok(n > 8, `${n} changes`);
      break;
    }
  }
});

test('a history that cannot be appended to keeps whole rows, and takes the rest later', async () => {
  const file = join(root, 'history.csv');
  const history = new History();
  history.append({ step: 1, loss: 0.5 });
  await history.save(file);
  history.append({ step: 2, loss: 0.25 });
  const before = readFileSync(file, 'utf8');
  const e = await fullAfter(0, () => history.save(file));
  assert.ok(e instanceof UserError && /history\.csv was not written: the disk is full/.test(e.message), String(e));
  assert.equal(readFileSync(file, 'utf8'), before);
  await history.save(file);
  assert.deepEqual((await History.load(file)).series('loss'), { steps: [1, 2], values: [0.5, 0.25] });
});

test('a picture for which there is no space leaves nothing behind', async () => {
  const file = join(root, 'pictures', 'a.jpg');
  const e = await fullAfter(0, () => writeWhole(file, Buffer.alloc(10)));
  assert.ok(e instanceof UserError && /a\.jpg was not written: the disk is full/.test(e.message), String(e));
  assert.deepEqual(readdirSync(join(root, 'pictures')), []);
});

test('a training run on a disk that is too small, and then large enough', { timeout: 120_000 }, async (t) => {
  const disk = join(root, 'disk');
  mkdirSync(disk);
  // A checkpoint of this run has 5 MB: the second does not fit.
  if (process.platform !== 'linux' || spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]).status !== 0)
    return t.skip('no file system can be mounted here');
  // A few steps take half as long one operation after the other as recorded.
  const env = { ...process.env, LGGAN_COMPILED: '0' };
  const train = (output: string) => spawnSync(process.execPath, [...TYPESCRIPT, join(__dirname, 'kill.run.ts'), output, '2'], { encoding: 'utf8', env });
  try {
    const run = join(disk, 'run');
    const stopped = train(run);
    assert.equal(stopped.status, 2, stopped.stderr);
    assert.match(stopped.stderr, /^\S+ was not written: the disk is full: free some space and start again\.\n$/);
    assert.ok(readdirSync(run).includes('latest-000001') && !readdirSync(run).some((n) => /part|lock/.test(n)), readdirSync(run).join(', '));
    assert.equal(spawnSync('mount', ['-o', 'remount,size=40m', disk]).status, 0);
    const resumed = train(run);
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.equal(resumed.stdout.split('\n')[0], 'step 3', 'it goes on behind the checkpoint');
    const long = process.env.LGGAN_LONG !== '1' && 'npm run stress compares with it';
    await t.test('it ends as a run that was never stopped', { skip: long }, () => {
      const straight = join(root, 'straight');
      assert.equal(train(straight).status, 0);
      const state = (folder: string) => JSON.parse(readFileSync(join(folder, 'latest', 'state.json'), 'utf8')) as unknown;
      assert.deepEqual(state(run), state(straight));
    });
  } finally {
    spawnSync('umount', [disk]);
  }
});
