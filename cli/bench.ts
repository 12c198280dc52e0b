/** `npm run bench`: what the networks cost, measured. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { CASES, measure, table } from '../proof/bench/bench';
import { drawGrowth, growthCases } from '../proof/bench/growth';
import { convolutionSpeed } from '../proof/bench/speed';
import type { BenchRow } from '../proof/bench/workloads';
import { TYPESCRIPT } from '../proof/testing/command';
import { ROOT } from '../proof/testing/material';
import { UserError } from '../src/common/errors';
import * as tf from '../src/engine/tf';
import { runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run bench --',
    description: 'Times the full-size networks at 192x256 and their peak memory: median and range of the runs, each workload in its own process.',
    options: {
      peer: { type: 'string', value: 'SCRIPT', help: 'PyTorch port to take turns with; lggan_torch.py and lggan_train_torch.py lie beside it' },
      small_peer: { type: 'string', value: 'SCRIPT', help: 'small_step_torch.py, the PyTorch step that the small ones take turns with' },
      python: { type: 'string', value: 'PROGRAM', default: 'python3', help: 'Python that has PyTorch, for --peer' },
      only: { type: 'list', value: 'NAME', help: `cases: ${CASES.map((c) => `"${c.name}"`).join(', ')}` },
      runs: { type: 'integer', default: 3, min: 1, help: 'runs of each after those to warm up' },
      profile: { type: 'string', choices: ['forward', 'backward', 'step', 'rcan'], help: 'where the time of one workload goes, by block and by kernel' },
      growth: { type: 'string', value: 'FILE', help: 'measure how the cost grows with size, batch and classes, and draw it into FILE (.png)' },
      json: { type: 'flag', help: 'for machines' },
    },
  },
  async ({ peer, small_peer, python, only, runs, profile, growth, json }) => {
    const unknown = only?.find((name) => !CASES.some((c) => c.name === name));
    if (unknown !== undefined) throw new UserError(`--only ${unknown}: the cases are ${CASES.map((c) => `"${c.name}"`).join(', ')}.`);
    if (profile) {
      const file = join(ROOT, 'proof/bench/profile.ts');
      const { status } = spawnSync(process.execPath, [...TYPESCRIPT, file, profile], { cwd: ROOT, stdio: 'inherit' });
      process.exitCode = status ?? 1;
      return;
    }
    const cases = growth ? growthCases() : CASES.filter((c) => !only || only.includes(c.name));
    const rows: BenchRow[] = [];
    for (const one of cases) {
      process.stderr.write(`${one.name} ...\n`);
      rows.push({ ...(await measure(one, runs, peer, small_peer, python)), against: one.against });
    }
    const machine = { engine: tf.engineInfo().description, convolution: Math.round(convolutionSpeed()), node: process.version };
    if (growth) await drawGrowth(rows, growth);
    if (json) console.log(JSON.stringify({ machine, rows }, undefined, 1));
    else console.log(`${machine.engine}; convolutions at ${machine.convolution} GFLOP/s.\n\n${table(rows)}`);
  },
);
