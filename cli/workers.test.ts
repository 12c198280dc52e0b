/** `npm run train -- --workers N`: the processes that it starts, and how they end. What they compute: proof/testing/workers.test.ts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { writePairs } from '../proof/testing/fixtures';
import { TOY_NETWORK } from '../proof/testing/toy';
import { savedStep, startScript } from '../proof/testing/workers';
import { canCompile } from '../src/engine/compiled';

const skip = !canCompile() && 'needs the native engine';
const root = mkdtempSync(join(tmpdir(), 'cli-workers-'));
after(() => rmSync(root, { recursive: true, force: true }));
const script = join(__dirname, 'train.ts');

/** Processes whose command line has this in it. */
function processesOf(text: string): number {
  const { stdout } = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes(text) && line.includes('train.ts')).length;
}

test('two workers: SIGINT ends both with a checkpoint, SIGKILL to the one of the terminal ends the other too', { skip }, async () => {
  await writePairs(join(root, 'set'), ['a', 'b', 'c', 'd'], 64, 32);
  const output = join(root, 'run');
  const args = ['--input_path', join(root, 'set'), '--output_path', output, '--workers', '2', '--batch_size', '2', '--vgg', 'none'];
  const start = () => startScript(script, [...args, ...TOY_NETWORK, '--checkpoint_every', '1']);
  const saved = () => (existsSync(join(output, 'latest')) ? savedStep(output) : 0);
  const until = async (step: number) => {
    while (saved() < step) await setTimeout(20);
  };
  const first = start();
  await Promise.race([until(2), first.ended]);
  assert.equal(processesOf(output), 2, first.text());
  first.process.kill('SIGINT');
  const { code, text } = await first.ended;
  assert.equal(code, 130, text);
  assert.match(text, /Stopped and saved in/);
  const rows = readFileSync(join(output, 'history.csv'), 'utf8').trim().split('\n').length - 1;
  assert.equal(saved(), rows);

  const second = start();
  await Promise.race([until(rows + 2), second.ended]);
  assert.equal(processesOf(output), 2, second.text());
  second.process.kill('SIGKILL');
  const began = performance.now();
  await second.ended;
  while (processesOf(output)) {
    assert.ok(performance.now() - began < 10_000, 'the other one goes on');
    await setTimeout(100);
  }
});

test('what cannot be split is refused before anything starts', { skip }, async () => {
  const { code, text } = await startScript(script, ['--input_path', root, '--workers', '3', '--batch_size', '4']).ended;
  assert.equal(code, 2);
  assert.equal(text, '--batch_size: a batch of 4 cannot be split evenly among 3 workers; take a multiple of 3.\n');
});
