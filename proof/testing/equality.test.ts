/**
 * Workers with a share of the batch each take the steps that one process takes with all of it, within the rounding of float32.
 *
 * That cannot be asked of the weights of two runs: Adam without a mean of gradients (beta1 = 0) makes a full step of whatever stands in a gradient
 * that is zero in theory (that of a bias before a norm, that of the discriminator's last bias while no score has left -1..1), and rounding stands
 * there. So each step alone begins with the weights, the networks' own and the averaged ones, that the workers began it with, and what is compared
 * is every gradient, every loss and what the forward passes leave behind, all along the workers' way. The yardstick is one process that sees the
 * images of each batch in the other order, which is the same mathematics. Now and then rounding moves a number over a kink (of relu, of |x|), and
 * a gradient jumps by a thousandth, in some steps of either: a gradient's difference is the median over the steps, where a fault would show in
 * each. That it would shows batch norm over each worker's own images.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { canCompile } from '../../src/engine/compiled';
import type { Comparison, Difference, Run } from './equality.run';
import { freePorts, startScript } from './workers';

const skip = !canCompile() && 'needs the native engine';
const LONG = process.env.LGGAN_LONG === '1';
const STEPS = LONG ? 20 : 6;

async function compare(count: number, runs: Run[]): Promise<Difference[][]> {
  const addresses = (await freePorts(count)).map((port) => `127.0.0.1:${port}`);
  const workers = addresses.map((_, rank) => startScript(join(__dirname, 'equality.run.ts'), [JSON.stringify({ addresses, rank, runs } satisfies Comparison)]));
  const ended = await Promise.all(workers.map((w) => w.ended));
  for (const { code, text } of ended) assert.equal(code, 0, text);
  return JSON.parse(/result (.*)/.exec(ended[0].text)![1]) as Difference[][];
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

/**
 * For each gradient how many times what rounding may do the workers differ, both in the median of the steps. Rounding: twice the yardstick; or
 * 1e-5 of its largest number (4e-6 were measured, of the yardstick too). A gradient that is zero in theory has no size of its own: 1e-6 of the
 * network's largest gradient (8e-7, and 7e-7).
 */
function excess(differences: Difference[]): Map<string, number> {
  const gradients = differences.filter((d) => d.kind === 'gradient');
  const network = (d: Difference) => `${d.step} ${d.name.slice(0, 1)}`;
  const most = new Map<string, number>();
  for (const d of gradients) most.set(network(d), Math.max(most.get(network(d)) ?? 0, d.largest));
  const byName = new Map<string, Difference[]>();
  for (const d of gradients) byName.set(d.name, [...(byName.get(d.name) ?? []), d]);
  return new Map(
    [...byName].map(([name, all]) => {
      const [workers, swapped, own] = (['workers', 'swapped', 'largest'] as const).map((key) => median(all.map((d) => d[key])));
      const whole = median(all.map((d) => most.get(network(d))!));
      const isZero = own < 1e-5 * whole;
      return [name, workers / Math.max(2 * swapped, isZero ? 1e-6 * whole : 1e-5 * own)];
    }),
  );
}

function assertEqual(differences: Difference[], gradients: number, run = ''): void {
  const found = excess(differences);
  assert.equal(found.size, gradients);
  assert.deepEqual(
    [...found].filter(([, times]) => times > 1),
    [],
    run,
  );
  // 1e-6 and 2e-6 were measured, of the yardstick too.
  const rest = differences.filter((d) => d.kind !== 'gradient' && d.workers > 1e-5 * d.largest + 1e-6);
  assert.deepEqual(rest, []);
}

const segmentation = { discriminator: { kind: 'segmentation', ndf: 4, levels: 3 } } as const;

test(`two workers of batch 1 and one process of batch 2: ${STEPS} steps`, { skip, timeout: 20 * 60_000 }, async (t) => {
  const runs: Run[] = [
    { batchSize: 2, steps: STEPS, config: {} },
    { batchSize: 2, steps: 3, config: segmentation },
    { batchSize: 2, steps: 1, config: {}, localNorm: true },
  ];
  const [patch, segmenting, local] = await compare(2, runs);
  assertEqual(patch, 196 + 20);
  assertEqual(segmenting, 196 + 26);
  const faults = [...excess(local)].filter(([, times]) => times > 100);
  t.diagnostic(`with local norms ${faults.length} of ${196 + 20} gradients differ by more than 100 times`);
  assert.ok(faults.length > 100);
});
