import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TYPESCRIPT } from '../../proof/testing/command';
import { UserError } from './errors';
import { isAlive } from './atomic';
import { lockFolder, withFolderLock } from './lock';

const root = mkdtempSync(join(tmpdir(), 'lock-'));
after(() => rmSync(root, { recursive: true }));
let folders = 0;
const folder = () => join(root, String(folders++));
const refused = (pattern: RegExp) => (e: unknown) => e instanceof UserError && pattern.test(e.message) && !e.message.includes('\n');

/** Processes that take the lock as soon as they can, say so, and keep it until they are killed. */
function holder(dir: string, startAt = 0): { child: ChildProcess; answer: Promise<string> } {
  const code = `const { lockFolder } = require(${JSON.stringify(join(__dirname, 'lock.ts'))});
    setTimeout(() => lockFolder(process.argv[1]).then(() => console.log('held'), (e) => { console.log(e.message); process.exit(); }), Math.max(0, process.argv[2] - Date.now()));
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, [...TYPESCRIPT, '-e', code, dir, String(startAt)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, answer: new Promise((resolve) => child.stdout!.once('data', (d) => resolve(String(d).trim()))) };
}
const kill = (child: ChildProcess) =>
  new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });

test('a folder has one holder; the lock goes back when the work ends, also by an error', async () => {
  const dir = folder();
  const first = await lockFolder(dir);
  await assert.rejects(lockFolder(dir), refused(/is used by another run \(this very process, since 2.*choose another folder\.$/));
  await first.release();
  await assert.rejects(
    withFolderLock(dir, async () => assert.fail('the work')),
    /the work/,
  );
  assert.equal(await withFolderLock(dir, async () => 3), 3);
  assert.deepEqual(readdirSync(dir), []);
  // Whoever has lost its lock does not take away the one of another.
  const one = await lockFolder(dir);
  writeFileSync(join(dir, 'run.lock'), 'of another');
  await one.release();
  assert.ok(existsSync(join(dir, 'run.lock')));
});

test('another process is refused while the holder lives, and takes over when it was killed', async () => {
  const dir = folder();
  const { child, answer } = holder(dir);
  assert.equal(await answer, 'held');
  await assert.rejects(lockFolder(dir), refused(new RegExp(`process ${child.pid}, since`)));
  await kill(child);
  await (await lockFolder(dir)).release();
});

test('of several that find a stale lock at the same time, one gets it', async () => {
  const dir = folder();
  const first = holder(dir);
  await first.answer;
  await kill(first.child);
  const startAt = Date.now() + 2500;
  const others = Array.from({ length: 4 }, () => holder(dir, startAt));
  const answers = await Promise.all(others.map((o) => o.answer));
  await Promise.all(others.map((o) => (o.child.exitCode === null ? kill(o.child) : undefined)));
  assert.equal(answers.filter((a) => a === 'held').length, 1, answers.join('\n'));
  assert.ok(
    answers.every((a) => a === 'held' || /is used by another run/.test(a)),
    answers.join('\n'),
  );
});

test('a lock of an earlier start of the machine, of a number that was given anew, or without content, is stale', async () => {
  const dir = folder();
  const mine = await lockFolder(dir);
  const file = join(dir, 'run.lock');
  const own = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  await mine.release();
  for (const stale of [JSON.stringify({ ...own, boot: 'before' }), JSON.stringify({ ...own, started: '1' }), '', '{"pid":', 'null', '[]']) {
    writeFileSync(file, stale);
    await (await lockFolder(dir)).release();
    assert.deepEqual(readdirSync(dir), [], stale);
  }
  // Of another machine nothing can be known; the sentence says what to do.
  writeFileSync(file, JSON.stringify({ ...own, host: 'elsewhere' }));
  await assert.rejects(lockFolder(dir), refused(/process \d+ of elsewhere.*no longer runs, delete .*run\.lock\.$/));
});

test('a killed process whose parent does not ask for its end counts as gone', { skip: process.platform !== 'linux' }, (t) => {
  // The shell starts a child, kills it, and becomes a program that never waits for it.
  const shell = spawn('sh', ['-c', 'sleep 60 & kill -9 $!; echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise<void>((resolve, reject) =>
    shell.stdout!.once('data', (d) => {
      const pid = Number(String(d));
      setTimeout(() => {
        try {
          // Where SIGCHLD was ignored by whoever started us, the system asks for it.
          if (spawnSync('sh', ['-c', `kill -0 ${pid}`]).status !== 0) t.skip('the system has asked for its end');
          assert.equal(isAlive(pid), false);
          resolve();
        } catch (e) {
          reject(e as Error);
        } finally {
          shell.kill('SIGKILL');
        }
      }, 200);
    }),
  );
});

test('a folder that cannot be made is one sentence', async () => {
  writeFileSync(join(root, 'file'), '');
  await assert.rejects(lockFolder(join(root, 'file', 'run')), refused(/run\.lock was not written: a part of its path is a file/));
});
