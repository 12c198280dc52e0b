/** The commands' own words; what they start has tests of its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { root } from './setup/system.mjs';

const node = (...args) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

test('an unknown command, notebook or test is one sentence', () => {
  for (const [args, sentence] of [
    [['scripts/cli.mjs', 'trian'], /^There is no command trian; there are: .*doctor.*\.\n$/],
    [['scripts/start.mjs', 'trian'], /^There is no notebook trian; there are: split_dataset, .*evaluate\.\n$/],
    [['scripts/test.mjs', 'no such test'], /^No test file has no such test in its path\.\n$/],
  ]) {
    const { status, stderr } = node(...args);
    assert.equal(status, 1);
    assert.match(stderr, sentence);
  }
});

test('the doctor measures the engine and names what it found', () => {
  const { status, stdout } = node('scripts/cli.mjs', 'doctor');
  assert.equal(status, 0, stdout);
  for (const line of [/^Node: +v\d+/m, /^engine: +\S+/m, /^convolution: +[\d.]+ GFLOP\/s/m, /^Jupyter: +\S+/m, /^kernel: +\S+/m, /^disk: +[\d.]+ GB free/m]) {
    assert.match(stdout, line);
  }
});
