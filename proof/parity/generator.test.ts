import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import test, { type TestContext } from 'node:test';
import { withMaterial } from '../testing/material';
import { RELATIVE_LIMIT } from './compare';
import { discriminatorSections } from './discriminator_parity';
import { GoldenFolder } from './folder';
import { generatorSections } from './generator_parity';
import { GoldenNetworks } from './networks';
import { assertKept, worst } from './testing';

/** The full-size networks with the formula's weights, built once. */
let networks: GoldenNetworks | undefined;
test.after(() => networks?.dispose());

function golden(t: TestContext, file: string): GoldenNetworks | undefined {
  const found = withMaterial(t, `golden/${file}`);
  if (!found) return undefined;
  return (networks ??= new GoldenNetworks(new GoldenFolder(dirname(found))));
}

test("generator at 64x96: every output, SAU and layer is the original's, in both modes, and the running statistics", (t) => {
  const own = golden(t, 'golden_small.npz');
  if (!own) return;
  const tolerances = own.folder.tolerances('golden_small').arrays;
  const [evaluation, training] = generatorSections(own, 'golden_small');
  // 66 outputs, what enters the global branch, four SAU with three arrays each, 191 layers (norms within SPADE's table are no step of their own).
  assert.equal(evaluation.rows.length, 66 + 1 + 12 + 191);
  // Two outputs, 64 layers, 36 statistics.
  assert.equal(training.rows.length, 2 + 64 + 36);
  for (const { rows } of [evaluation, training]) {
    assertKept(rows);
    t.diagnostic(worst(rows));
    // No array leans on an allowance for rounding but that of the original's own builds.
    for (const { quantity, limit, scale } of rows) {
      if (quantity in tolerances) assert.equal(limit, Math.max(RELATIVE_LIMIT * scale, 4 * tolerances[quantity][0]), quantity);
      else if (!quantity.startsWith('trace')) assert.equal(limit, RELATIVE_LIMIT * scale, quantity);
    }
  }
});

test("discriminator: every layer is the original's", (t) => {
  const own = golden(t, 'golden_small.npz');
  if (!own) return;
  const [{ rows }] = discriminatorSections(own, 'golden_small');
  assert.equal(rows.length, 11);
  assertKept(rows);
  // Nothing is amplified here: tighter than the common limit.
  for (const { quantity, error, scale } of rows) assert.ok(error <= 1e-5 * scale, quantity);
  t.diagnostic(worst(rows));
});
