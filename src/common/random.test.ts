import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withMaterial } from '../../proof/testing/material';
import { Random } from './random';

test('numbers of CPython 3.11 for small, negative and large seeds', () => {
  // Printed by Python: [r.random() for _ in range(2)], getrandbits of 1, 32, 40, 53, randrange of 10, 2**32, 2**32 + 1, 2**52, uniform(2, 5), choice.
  const cases: [number | bigint, number[], number[], number[], number, string][] = [
    [
      0,
      [0.8444218515250481, 0.7579544029403025],
      [0, 173879092, 1061968961082, 4376848748439138],
      [6, 3564191072, 4156669319, 2538566788280602],
      2.4192373549000368,
      'a',
    ],
    [
      1,
      [0.13436424411240122, 0.8474337369372327],
      [1, 271041745, 129944532028, 6854138572100987],
      [7, 901749037, 2095328386, 3898019502785165],
      3.8223139888557807,
      'g',
    ],
    [
      -628,
      [0.8779689922735444, 0.09323013983513984],
      [1, 3147578653, 511587855440, 1280823394564392],
      [2, 2038828334, 2019790276, 2372576155597742],
      3.737240015753642,
      'b',
    ],
    [
      2n ** 80n + 12345n,
      [0.7304434512634141, 0.4197013131370422],
      [1, 1233222174, 818191119703, 2331212686710385],
      [1, 2663340851, 1201945282, 350123744977367],
      3.1437854276316832,
      'e',
    ],
  ];
  for (const [seed, randoms, bits, ranges, uniform, choice] of cases) {
    const r = new Random(seed);
    assert.deepEqual([r.random(), r.random()], randoms);
    assert.deepEqual(
      [1, 32, 40, 53].map((k) => r.getrandbits(k)),
      bits,
    );
    assert.deepEqual(
      [10, 2 ** 32, 2 ** 32 + 1, 2 ** 52].map((n) => r.randrange(n)),
      ranges,
    );
    assert.equal(r.uniform(2, 5), uniform);
    assert.equal(r.choice('abcdefg' as unknown as ArrayLike<string>), choice);
  }
});

test('a list of words is one large seed', () => {
  // Python: random.Random(5 + (9 << 32) + (1 << 64)).random()
  assert.equal(new Random([5, 9, 1]).random(), 0.5154366333791753);
  assert.equal(new Random([628, 0, 0]).random(), new Random(628).random());
});

test('sample and shuffle choose what Python chooses', (t) => {
  const file = withMaterial(t, 'golden/split.json');
  if (!file) return;
  interface Case {
    seed: number;
    n: number;
    k: number;
    sample: string[];
    then_random: number[];
    then_randrange_1000: number[];
    shuffle_of_50: number[];
  }
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };
  assert.ok(cases.length >= 9);
  for (const c of cases) {
    const r = new Random(c.seed);
    if (c.shuffle_of_50) {
      const items = Array.from({ length: 50 }, (_, i) => i);
      r.shuffle(items);
      assert.deepEqual(items, c.shuffle_of_50);
      continue;
    }
    const names = Array.from({ length: c.n }, (_, i) => `${String(i).padStart(5, '0')}.jpg`);
    assert.deepEqual(r.sample(names, c.k), c.sample, `${c.k} of ${c.n}, seed ${c.seed}`);
    assert.deepEqual(
      [0, 0, 0].map(() => r.random()),
      c.then_random,
    );
    assert.deepEqual(
      [0, 0, 0].map(() => r.randrange(1000)),
      c.then_randrange_1000,
    );
  }
});

test('the state goes through JSON and continues exactly', () => {
  const r = new Random(628);
  for (let i = 0; i < 700; i++) r.random();
  const state = JSON.parse(JSON.stringify(r.getState()));
  const expected = Array.from({ length: 1000 }, () => r.random());
  const other = new Random(1);
  other.setState(state);
  assert.deepEqual(
    Array.from({ length: 1000 }, () => other.random()),
    expected,
  );
  // Python: random.seed(628); random.random(); random.getstate()[1] begins and ends so.
  const start = new Random(628);
  start.random();
  assert.deepEqual(start.getState().words.slice(0, 3), [2757109150, 1276365167, 1865813908]);
  assert.equal(start.getState().words[623], 2733398466);
  assert.equal(start.getState().used, 2);
});

test('senseless arguments are errors', () => {
  const r = new Random(0);
  assert.throws(() => new Random(1.5), /whole number/);
  assert.throws(() => r.randrange(0), RangeError);
  assert.throws(() => r.getrandbits(54), RangeError);
  assert.throws(() => r.sample([1, 2], 3), /3 of 2/);
  assert.throws(() => r.setState({ words: [1], used: 0 }), /not a state/);
});
