import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose, assertNoLeak } from '../testing/close';
import { measureSwitches, type SwitchEffect } from './switches';

test('every switch does something, and what can be told beforehand is so', async () => {
  let effects!: SwitchEffect[];
  await assertNoLeak(async () => void (effects = await measureSwitches({ width: 4 })), { warm: 0 });
  assert.deepEqual(
    [...new Set(effects.map((e) => e.switch))],
    ['spectralNorm', 'encoderResize', 'runningVariance', 'classMasks', 'classScore', 'averagePool', 'adamEpsilon', 'crop', 'reading', 'jpeg', 'psnrLog'],
  );
  for (const e of effects) {
    assert.ok(Number.isFinite(e.paper) && Number.isFinite(e.original), e.quantity);
    assert.ok(Math.abs(e.original - e.paper) > 1e-6 * Math.abs(e.paper), `${e.switch} changes nothing: ${e.quantity} ${e.paper} ${e.original}`);
  }
  const of = (name: string) => effects.filter((e) => e.switch === name).flatMap((e) => [e.paper, e.original]);
  // Adam's first step, g / (|g| + eps) and g / (|g| + eps / sqrt(1 - beta2)), for g = eps and 100 eps.
  assertClose(of('adamEpsilon'), [1 / 2, 1 / (1 + 10 ** 0.5), 1 / 1.01, 1 / (1 + 10 ** 0.5 / 100)], 1e-6);
  // The running variance is 0.9 * 1 + 0.1 * that of the batch, which is 12 / 11 of the biased one.
  const [unbiased, biased] = of('runningVariance').map((v) => v - 0.9);
  assertClose(unbiased / biased, 12 / 11, 1e-4);
  assertClose(of('crop'), [1, 0.75], 1e-6);
  assert.equal(of('reading')[1], 1);
});
