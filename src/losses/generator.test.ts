import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import test, { type TestContext } from 'node:test';
import { GoldenFolder } from '../../proof/parity/folder';
import { gradientSections, lossSections } from '../../proof/parity/losses_parity';
import { GoldenNetworks } from '../../proof/parity/networks';
import { assertKept, worst } from '../../proof/parity/testing';
import { withMaterial } from '../../proof/testing/material';

let networks: GoldenNetworks | undefined;
test.after(() => networks?.dispose());

function golden(t: TestContext): GoldenNetworks | undefined {
  const found = withMaterial(t, 'golden/golden_small.npz');
  if (!found) return undefined;
  return (networks ??= new GoldenNetworks(new GoldenFolder(dirname(found))));
}

test("every loss and every part of it is the original's: both modes, batch 1 and 2, all classes and few", (t) => {
  const own = golden(t);
  if (!own) return;
  const [totals, parts] = lossSections(own, 'golden_small');
  // Five cases with seven losses of the generator and two of the discriminator.
  assert.equal(totals.rows.length, 5 * 9);
  // Three cases with 13 parts of each of three images, 29 local L1 and 29 entropies.
  assert.equal(parts.rows.length, 3 * (3 * 13 + 58));
  for (const { rows } of [totals, parts]) {
    assertKept(rows);
    t.diagnostic(worst(rows));
  }
});

test("the gradient of every parameter is the original's, and PyTorch's in float64", async (t) => {
  const own = golden(t);
  if (!own) return;
  const sections = await gradientSections(own, 'golden_small', ['bn_eval']);
  assert.equal(sections.length, 2);
  for (const { rows, title } of sections) {
    // 276 parameters (`fc` has no use and no gradient here), and their median.
    assert.equal(rows.length, 277);
    assertKept(rows);
    t.diagnostic(`${title}: median ${rows[0].error.toExponential(1)}; ${worst(rows.slice(1))}`);
  }
});
