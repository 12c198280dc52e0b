import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLASS_NAMES } from '../../classes';
import { UserError } from '../../common/errors';
import { assertNoLeak, deviation } from '../../../proof/testing/close';
import { labelMap, scatter } from '../../../proof/testing/toy';
import * as tf from '../../engine/tf';
import type { LGGANConfig } from './config';
import type { Generator } from './generator';
import { paintLike } from './like';
import { createGenerator } from './single_branch';

const [H, W] = [32, 64];
const [SKY, SEA, LAKE, MOUNTAIN, HILL] = ['sky', 'sea', 'lake', 'mountain', 'hill'].map((name) => CLASS_NAMES.indexOf(name));
const small: Partial<LGGANConfig> = { ngf: 4, spadeHidden: 8, residualBlocks: 1, sauCompressed: 8, imageSize: [H, W] };

/** Without the border of a pixel. */
function inner(generator: Generator, ground: number, other = SKY): Float32Array {
  const map = labelMap(H, W, (y, x) => (y < 14 ? SKY : x < 40 ? ground : other));
  return tf.tidy(() => tf.slice(generator.generate(map).final, [0, 1, 1, 0], [1, H - 2, W - 2, 3]).dataSync() as Float32Array);
}

for (const branches of ['both', 'global', 'local'] as const) {
  test(`a class is painted as another one, and nothing else changes (branches: ${branches})`, (t) => {
    const generator = createGenerator({ ...small, branches });
    scatter(generator.parameters.trainable, 5);
    const [sea, lake, mountain] = [SEA, LAKE, MOUNTAIN].map((c) => inner(generator, c));
    const beside = inner(generator, SEA, MOUNTAIN);
    assert.ok(deviation(lake, sea).error > 0.05);
    paintLike(generator, { lake: 'sea', hill: 'mountain' });
    // Sums in another order, through all layers.
    const near = (a: Float32Array, b: Float32Array) => {
      const { error } = deviation(a, b);
      t.diagnostic(`${error.toExponential(1)}`);
      assert.ok(error < 1e-5, String(error));
    };
    near(inner(generator, SEA), sea);
    near(inner(generator, LAKE), sea);
    near(inner(generator, MOUNTAIN), mountain);
    near(inner(generator, LAKE, HILL), beside);
    generator.dispose();
  });
}

test('names that are none, a chain and other classes are refused; nothing is left', async () => {
  const generator = createGenerator({ ...small, branches: 'both' });
  await assertNoLeak(() => paintLike(generator, { lake: 'sea' }));
  for (const [like, message] of [
    [{ pond: 'sea' }, /no class 'pond'/],
    [{ lake: 'montain' }, /no class 'montain'; did you mean 'mountain'\?$/],
    [{ sea: 'sea' }, /'sea' is to be painted like itself/],
    [{ lake: 'river', river: 'sea' }, /'river' is itself to be painted like another class/],
  ] as [Record<string, string>, RegExp][]) {
    assert.throws(
      () => paintLike(generator, like),
      (e) => e instanceof UserError && message.test(e.message),
    );
  }
  const few = createGenerator({ ...small, classes: 5 });
  assert.throws(() => paintLike(few, { lake: 'sea' }), /has 5 classes/);
  generator.dispose();
  few.dispose();
});
