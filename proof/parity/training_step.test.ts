import assert from 'node:assert/strict';
import test from 'node:test';
import { dirname } from 'node:path';
import { assertNoLeak } from '../testing/close';
import { withMaterial } from '../testing/material';
import { GoldenFolder } from './folder';
import { isOk, severity, type Section } from './row';
import { compareTrainingStep } from './training_step';

test("a whole training step gives PyTorch's losses, gradients and updates", async (t) => {
  const file = withMaterial(t, 'golden/train_step_torch.json');
  if (!file) return;
  let section!: Section;
  await assertNoLeak(() => void (section = compareTrainingStep(new GoldenFolder(dirname(file)))!), { warm: 0 });
  const { rows } = section;
  // 8 losses; 245 gradients that are not zero, two rows each, and 51 that are; the discriminator alone: 2 losses, 12 gradients, two rows each; 233 updates
  // with three rows, 43 with one.
  assert.equal(rows.length, 8 + 2 * 245 + 51 + 2 + 2 * 12 + 3 * 233 + 43);
  for (const row of rows) assert.ok(isOk(row), `${row.quantity}: ${row.ours} for ${row.reference}, off by ${row.error} of ${row.limit}`);
  const groups = [...new Set(rows.map((r) => r.group ?? r.quantity))];
  for (const group of groups) {
    const [worst] = rows.filter((r) => (r.group ?? r.quantity) === group).sort((a, b) => severity(b) - severity(a));
    t.diagnostic(`${group}: ${(worst.error / worst.scale).toExponential(1)} (${worst.quantity}), allowed ${(worst.limit! / worst.scale).toExponential(1)}`);
  }
});

test('a folder without the file has no such section', (t) => {
  const file = withMaterial(t, 'golden/formula.json');
  if (!file) return;
  const folder = new GoldenFolder(dirname(file));
  folder.has = () => false;
  assert.equal(compareTrainingStep(folder), undefined);
});
