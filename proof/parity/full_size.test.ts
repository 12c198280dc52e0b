import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import test from 'node:test';
import { withMaterial } from '../testing/material';
import { GoldenFolder } from './folder';
import { generatorSections } from './generator_parity';
import { GoldenNetworks } from './networks';
import { rcanSections } from './rcan_parity';
import { assertKept, worst } from './testing';

test("generator at 192x256: every output is the original's, and nearer to float64 than those", (t) => {
  const file = withMaterial(t, 'golden/golden_full.json');
  if (!file) return;
  const own = new GoldenNetworks(new GoldenFolder(dirname(file)));
  const [evaluation, training] = generatorSections(own, 'golden_full');
  // 65 outputs of the original beside 35 of float64; two in training mode beside two.
  assert.deepEqual([evaluation.rows.length, training.rows.length], [65 + 35, 2 + 2]);
  for (const { rows } of [evaluation, training]) {
    assertKept(rows);
    t.diagnostic(worst(rows.filter((r) => !/float64$/.test(r.quantity))));
    t.diagnostic(worst(rows.filter((r) => /float64$/.test(r.quantity))));
  }
  own.dispose();
});

test("RCAN: output and what lies between its parts are the original's", (t) => {
  const file = withMaterial(t, 'golden/golden_rcan.npz');
  if (!file) return;
  const [{ rows }] = rcanSections(new GoldenFolder(dirname(file)), 'golden_rcan');
  assert.deepEqual(rows.map((r) => r.quantity).sort(), [
    'after_body_before_skip',
    'after_group0',
    'after_head',
    'after_sub_mean',
    'out',
    'out of the full network',
  ]);
  for (const { quantity, error, scale, limit } of rows) if (limit) assert.ok(error <= 5e-6 * scale, `${quantity}: ${error / scale}`);
  t.diagnostic(worst(rows));
});
