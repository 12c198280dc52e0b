/**
 * A run that is killed again and again, and goes on each time, gives bit for bit what one gives that was never touched. Three kills;
 * `npm run stress` makes thirty.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Random } from '../../src/common/random';
import { TYPESCRIPT } from './command';
import { savedStep } from './workers';

const LONG = process.env.LGGAN_LONG === '1';
const KILLS = LONG ? 30 : 3;
/** 3 steps each. */
const EPOCHS = LONG ? 30 : 2;

const root = mkdtempSync(join(tmpdir(), 'kill-'));
after(() => rmSync(root, { recursive: true, force: true }));

interface Run {
  child: ChildProcess;
  lines: string[];
  /** The exit code, null where a signal ended it, and what it had said on stderr. */
  end: Promise<{ code: number | null; err: string }>;
  /** Waits for a line. */
  said(pattern: RegExp): Promise<void>;
}

function start(output: string, epochs = EPOCHS, pause = 0): Run {
  const child = spawn(process.execPath, [...TYPESCRIPT, join(__dirname, 'kill.run.ts'), output, String(epochs), String(pause)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // The few steps of the short form take longer recorded; that a recorded run goes on to the bit is told in lggan.test.ts.
    env: { ...process.env, ...(!LONG && { LGGAN_COMPILED: '0' }) },
  });
  const lines: string[] = [];
  const waiting: { pattern: RegExp; resolve: () => void }[] = [];
  let [text, err] = ['', ''];
  child.stderr!.on('data', (d) => (err += d));
  child.stdout!.on('data', (d) => {
    text += d;
    const whole = text.split('\n');
    text = whole.pop()!;
    for (const line of whole) {
      lines.push(line);
      waiting.filter((w) => w.pattern.test(line)).forEach((w) => w.resolve());
    }
  });
  const end = new Promise<{ code: number | null; err: string }>((resolve) => child.once('close', (code) => resolve({ code, err })));
  const said = (pattern: RegExp) =>
    new Promise<void>((resolve) => {
      if (lines.some((l) => pattern.test(l))) resolve();
      waiting.push({ pattern, resolve });
      void end.then(() => resolve());
    });
  return { child, lines, end, said };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** All that a run leaves: the state of its newest checkpoints (with the sha256 of every file of weights and slots), and its history. */
function remains(folder: string) {
  const newest = (name: string) => {
    const all = readdirSync(folder)
      .filter((n) => n.startsWith(`${name}-`))
      .sort();
    return JSON.parse(readFileSync(join(folder, all[all.length - 1], 'state.json'), 'utf8')) as { files: Record<string, string>; state: unknown };
  };
  const [names, ...rows] = readFileSync(join(folder, 'history.csv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const seconds = names.indexOf('seconds');
  return { latest: newest('latest'), best: newest('best'), history: [names, ...rows].map((row) => row.filter((_, i) => i !== seconds)) };
}

test(`a run killed ${KILLS} times ends as one that was left alone`, { timeout: 30 * 60_000 }, async (t) => {
  const straight = start(join(root, 'straight'));
  assert.deepEqual(await straight.end, { code: 0, err: '' });
  const expected = remains(join(root, 'straight'));
  assert.deepEqual(
    Object.keys(expected.latest.files).sort(),
    ['D', 'EMA', 'G', 'optimiserD', 'optimiserG'].map((n) => `${n}.safetensors`),
  );
  assert.equal(expected.history.length, 3 * EPOCHS + 1);

  const seed = LONG ? Date.now() % 2 ** 32 : 628;
  const random = new Random(seed);
  const folder = join(root, 'killed');
  const moments: Record<string, number> = {};
  for (let kill = 0; kill < KILLS; kill++) {
    const run = start(folder);
    const kind = ['step', 'save', 'sample'][kill % 3];
    const writing = () => existsSync(folder) && readdirSync(folder).some((n) => n.endsWith('.part') && n.includes(`.${run.child.pid}.`));
    // It lives for some steps: most kills would fall on the same ones otherwise.
    const steps = 1 + random.randrange(LONG ? 6 : 2);
    while (run.child.exitCode === null && run.lines.filter((l) => l.startsWith('step')).length < steps) await wait(5);
    if (kind === 'save') {
      // A folder or a file that is being written shows by its name.
      const until = Date.now() + 5000;
      while (Date.now() < until && run.child.exitCode === null && !writing()) await wait(1);
      await wait(random.random() * 2);
    } else if (kind === 'sample') {
      const samples = () => run.lines.filter((l) => l.startsWith('sample')).length;
      const before = samples();
      while (run.child.exitCode === null && samples() === before) await wait(1);
      await wait(random.random() * 20);
    } else await wait(random.random() * 400);
    run.child.kill('SIGKILL');
    const { code, err } = await run.end;
    const place = writing() ? 'while a file was written' : `after '${run.lines[run.lines.length - 1]}'`;
    t.diagnostic(`kill ${kill + 1}: ${place}${code === null ? '' : ' (it had ended)'}`);
    assert.equal(err, '', 'no checkpoint was passed over');
    moments[place.replace(/\d+/, 'N')] = (moments[place.replace(/\d+/, 'N')] ?? 0) + 1;
  }
  t.diagnostic(`seed ${seed}: ${JSON.stringify(moments)}`);
  const last = start(folder);
  assert.deepEqual(await last.end, { code: 0, err: '' });
  assert.deepEqual(remains(folder), expected);
  assert.deepEqual(
    readdirSync(folder).filter((n) => /part|lock/.test(n)),
    [],
  );
});

test('a signal finishes the step, saves, and tells the shell; a second one ends the run at once', { timeout: 120_000 }, async () => {
  const folder = join(root, 'signals');
  const run = start(folder, 40);
  await run.said(/^step 1$/);
  run.child.kill('SIGTERM');
  assert.equal((await run.end).code, 143);
  assert.equal(run.lines[run.lines.length - 1], 'interrupted');
  const done = Number(/\d+/.exec(run.lines.filter((l) => l.startsWith('step')).pop()!)![0]);
  assert.equal(savedStep(folder), done, 'the last step is in the checkpoint');

  // With a pause after its first step, so that the second signal finds it there and not at its end.
  const again = start(folder, 40, 60_000);
  // While it runs, a second run on the folder is refused.
  await again.said(/^step/);
  assert.deepEqual(again.lines[0], `step ${done + 1}`);
  const second = start(folder, 40);
  const { code, err } = await second.end;
  assert.ok(code !== 0 && /is used by another run \(process \d+, since .*\): wait for it, stop it, or choose another folder\./.test(err), err);
  assert.deepEqual(second.lines, []);
  again.child.kill('SIGINT');
  // Signals closer together are one wish: npm passes on what the terminal has sent already.
  await wait(600);
  again.child.kill('SIGINT');
  assert.equal((await again.end).code, 130);
});
