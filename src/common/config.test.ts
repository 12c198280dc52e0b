import assert from 'node:assert/strict';
import test from 'node:test';
import { behaviour, configure, nearest, oneOf, wholeNumbers } from './config';
import { UserError } from './errors';

const DEFAULTS = { size: [192, 256], rate: 2e-4, name: 'lggan', flip: true, inner: {}, free: undefined as unknown };

const faults = (overrides: object, message: RegExp) =>
  assert.throws(
    () => configure(DEFAULTS, overrides as Partial<typeof DEFAULTS>, 'train'),
    (e) => e instanceof UserError && message.test(e.message),
    JSON.stringify(overrides),
  );

test('overrides take the place of defaults; undefined means the default', () => {
  assert.deepEqual(configure(DEFAULTS, { rate: 1, size: [32, 64], name: undefined, free: 3 }, 'train'), {
    ...DEFAULTS,
    rate: 1,
    size: [32, 64],
    free: 3,
  });
  assert.deepEqual(configure(DEFAULTS, undefined, 'train'), DEFAULTS);
  assert.equal(DEFAULTS.rate, 2e-4);
});

test('an unknown field is named, with the field that was meant', () => {
  faults({ rat: 1 }, /^train: there is no field 'rat'; did you mean 'rate'\?$/);
  faults({ RATE: 1 }, /did you mean 'rate'/);
  faults({ somethingElse: 1 }, /^train: there is no field 'somethingElse'$/);
  faults({ toString: 1 }, /there is no field 'toString'/);
});

test('an ill-typed field is named, with what it should be and what it is', () => {
  faults({ rate: '2e-4' }, /^train\.rate: expected a number, got "2e-4"$/);
  faults({ rate: NaN }, /^train\.rate: expected a number/);
  faults({ rate: Infinity }, /^train\.rate: expected a number/);
  faults({ flip: 1 }, /^train\.flip: expected a boolean, got 1$/);
  faults({ name: 3 }, /^train\.name: expected a string, got 3$/);
  faults({ name: null }, /^train\.name: expected a string, got null$/);
  faults({ size: 192 }, /^train\.size: expected a list of numbers, got 192$/);
  faults({ size: [192, '256'] }, /^train\.size: expected a list of numbers/);
  faults({ size: [192, NaN] }, /^train\.size: expected a list of numbers/);
  faults({ inner: [] }, /^train\.inner: expected an object, got \[\]$/);
  faults({ inner: 3 }, /^train\.inner/);
});

test('the nearest word, if it can be a typing mistake', () => {
  assert.equal(nearest('upsamplng', ['upsampling', 'classes']), 'upsampling');
  assert.equal(nearest('ngf', ['ndf', 'classes']), 'ndf');
  assert.equal(nearest('weights', ['upsampling', 'classes']), undefined);
  // Two letters of three may differ, not all.
  assert.equal(nearest('npp', ['ngf']), 'ngf');
  assert.equal(nearest('ppp', ['ngf']), undefined);
  assert.equal(nearest('x', []), undefined);
});

test('behaviour: all of one kind, or chosen points', () => {
  assert.ok(Object.values(behaviour()).every((c) => c === 'paper'));
  assert.ok(Object.values(behaviour('original')).every((c) => c === 'original'));
  assert.equal(Object.keys(behaviour()).length, 7);
  const mixed = behaviour({ averagePool: 'original' });
  assert.equal(mixed.averagePool, 'original');
  assert.equal(mixed.spectralNorm, 'paper');
  for (const wrong of ['originl', null, { averagePool: 'both' }, { pool: 'paper' }, { averagePool: { a: 1 } }]) {
    assert.throws(
      () => behaviour(wrong as 'paper'),
      (e) => e instanceof UserError && /behaviour/.test(e.message),
      JSON.stringify(wrong),
    );
  }
});

test('choices and whole numbers', () => {
  oneOf('a', ['a', 'b'], 'x');
  assert.throws(() => oneOf('c' as 'a', ['a', 'b'], 'x.y'), /^UserError: x\.y: expected 'a' or 'b', got "c"$/);
  wholeNumbers({ n: 0 }, 'x', 0);
  wholeNumbers({ n: 1 }, 'x');
  for (const n of [0, 1.5, -1, NaN]) assert.throws(() => wholeNumbers({ n }, 'x'), /x\.n: expected a whole number of at least 1/);
});
