/** Several processes that train together, on the loopback: src/training with src/engine/cluster.ts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { canCompile } from '../../src/engine/compiled';
import { freePorts } from '../../src/engine/cluster';
import { savedStep, startScript, type Worker } from './workers';
import { toyConfig, type Task } from './workers.run';

const skip = !canCompile() && 'needs the native engine';
const root = mkdtempSync(join(tmpdir(), 'workers-'));
after(() => rmSync(root, { recursive: true, force: true }));
let runs = 0;
const folder = () => join(root, String(runs++));

interface Result {
  weights: string;
  rows: Record<string, number>[];
  interrupted: boolean;
}

/** Starts workers; those but the first have an output folder of their own, which has to stay away. */
async function start(
  count: number,
  task: Task,
  own: (rank: number) => Partial<Task> = () => ({}),
  where: (rank: number) => { host: string; command: string[] } = () => ({ host: '127.0.0.1', command: [] }),
): Promise<Worker[]> {
  const addresses = count > 1 ? (await freePorts(count)).map((port, rank) => `${where(rank).host}:${port}`) : undefined;
  return Array.from({ length: count }, (_, rank) => {
    const output = rank ? `${task.output}-${rank}` : task.output;
    return startScript(join(__dirname, 'workers.run.ts'), [JSON.stringify({ ...task, addresses, rank, output, ...own(rank) })], {}, where(rank).command);
  });
}

async function resultsOf(workers: Worker[], task: Task): Promise<Result[]> {
  const ended = await Promise.all(workers.map((w) => w.ended));
  workers.forEach((_, rank) => rank && assert.ok(!existsSync(`${task.output}-${rank}`), 'the first alone writes'));
  return ended.map(({ text, code, signal }) => {
    assert.ok(code === 0 || code === 130, `${code} ${signal} ${text}`);
    return JSON.parse(/result (.*)/.exec(text)![1]) as Result;
  });
}

const steps = (text: string) => [...text.matchAll(/^step (\d+)$/gm)].map(([, n]) => Number(n));

test('three workers: the same bits of all weights, a step skipped by all, taken up by two that lose one, and by one alone', { skip }, async () => {
  const config = { generator: { ...toyConfig.generator, noise: true, style: true } };
  const task: Task = { output: folder(), batchSize: 6, steps: 4, bad: { step: 3, rank: 1 }, config };
  const three = await start(3, task);
  const results = await resultsOf(three, task);
  for (const result of results) assert.deepEqual(result, results[0]);
  assert.deepEqual(
    results[0].rows.map((row) => [row.step, row.skipped]),
    [1, 2, 3, 4].map((step) => [step, step === 3 ? 1 : undefined]),
  );
  assert.match(three[0].text(), /Step 3: the loss \w+ became NaN.*; it was skipped\./);
  assert.equal(savedStep(task.output), 4);

  const more = { ...task, bad: undefined, steps: 400 };
  const two = await start(2, more);
  await two[0].said(/^step 7$/m);
  two[1].process.kill('SIGKILL');
  const began = performance.now();
  const { code, text } = await two[0].ended;
  assert.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`);
  assert.equal(code, 2, text);
  assert.match(text, /^Worker 1 \(127.0.0.1:\d+\) has ended or cannot be reached.*they go on from the last checkpoint\.$/m);
  assert.deepEqual(steps(text).slice(0, 3), [5, 6, 7]);
  const saved = savedStep(task.output);
  assert.ok(saved >= 6 && saved % 2 === 0, `${saved}`);

  const alone = await start(1, { ...more, steps: saved + 2 });
  const [{ rows }] = await resultsOf(alone, more);
  assert.deepEqual(steps(alone[0].text()), [saved + 1, saved + 2]);
  assert.ok(rows.slice(-2).every((row) => Number.isFinite(row.generator)));
});

test('RCAN: two workers and one process have the same losses, 20 steps long', { skip }, async (t) => {
  const task: Task = { output: folder(), batchSize: 4, steps: 20, rcan: true };
  const [two, other] = await resultsOf(await start(2, task), task);
  assert.equal(other.weights, two.weights);
  const [alone] = await resultsOf(await start(1, { ...task, output: folder() }), task);
  assert.equal(two.rows.length, 20);
  const differences = two.rows.map((row, i) => Math.abs(row.loss / alone.rows[i].loss - 1));
  t.diagnostic(differences.map((d) => d.toExponential(0)).join(' '));
  assert.ok(Math.max(...differences) < 1e-5);
});

test('SIGINT to the first ends all at the same step, saved', { skip }, async () => {
  const task: Task = { output: folder(), batchSize: 4, steps: 400, rcan: true };
  const workers = await start(2, task);
  await workers[0].said(/^step 3$/m);
  workers[0].process.kill('SIGINT');
  const [first, second] = await resultsOf(workers, task);
  assert.ok(first.interrupted);
  assert.deepEqual(second, first);
  assert.equal(savedStep(task.output), first.rows.length);
  assert.equal((await workers[0].ended).code, 130);
});

test('another data set, another batch: refused by name', { skip }, async () => {
  const task: Task = { output: folder(), batchSize: 4, steps: 2 };
  const workers = await start(2, task, (rank) => ({ batchSize: rank ? 8 : 4 }));
  for (const { code, text } of await Promise.all(workers.map((w) => w.ended))) {
    assert.equal(code, 2);
    assert.match(text, /Worker 1 \(127.0.0.1:\d+\) has another data set or batch size than worker 0/);
  }
});

test('in network namespaces with addresses of their own: a connection that is cut ends both', { skip }, async (t) => {
  const names = ['a', 'b'].map((end) => `lggan${process.pid}${end}`);
  const ip = (line: string) => spawnSync('ip', line.split(' ')).status === 0;
  t.after(() => names.forEach((name) => ip(`netns del ${name}`)));
  const wired =
    names.every((name) => ip(`netns add ${name}`)) &&
    ip(`link add ${names[0]} netns ${names[0]} type veth peer name ${names[1]} netns ${names[1]}`) &&
    names.every(
      (name, i) => ip(`-n ${name} addr add 10.77.0.${i + 1}/24 dev ${name}`) && ip(`-n ${name} link set lo up`) && ip(`-n ${name} link set ${name} up`),
    );
  if (!wired) return t.skip('this machine makes no network namespaces');
  const task: Task = { output: folder(), batchSize: 4, steps: 4000, rcan: true };
  const where = (rank: number) => ({ host: `10.77.0.${rank + 1}`, command: ['ip', 'netns', 'exec', names[rank]] });
  const workers = await start(2, task, undefined, where);
  await workers[0].said(/^step 3$/m);
  const began = performance.now();
  assert.ok(ip(`-n ${names[0]} link set ${names[0]} down`));
  for (const [rank, { code, text }] of (await Promise.all(workers.map((w) => w.ended))).entries()) {
    assert.equal(code, 2, text);
    assert.match(text, new RegExp(`^Worker ${1 - rank} \\(10\\.77\\.0\\.${2 - rank}:\\d+\\) has ended or cannot be reached`, 'm'));
    assert.doesNotMatch(text, /listens on all addresses/);
  }
  // Two seconds to the next question, and three of two seconds each.
  assert.ok(performance.now() - began < 20_000, `${performance.now() - began} ms`);
});
