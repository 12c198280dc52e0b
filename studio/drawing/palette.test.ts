import assert from 'node:assert/strict';
import test from 'node:test';
import { CLASS_NAMES, NUM_CLASSES } from '../../src/classes';
import { COLOURS, GROUPS, KEYED, classOf, found, keyOf } from './palette';
import { STARTERS, drawn } from './starters';

test('every class stands in one group; ten have keys; colours are all different', () => {
  assert.deepEqual(
    GROUPS.flatMap(({ classes }) => classes)
      .map(classOf)
      .sort((a, b) => a - b),
    [...CLASS_NAMES.keys()],
  );
  assert.deepEqual(
    KEYED.map((name) => keyOf(classOf(name))),
    ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0'],
  );
  assert.equal(keyOf(classOf('person')), undefined);
  assert.equal(new Set(COLOURS.map(String)).size, NUM_CLASSES);
});

test('a class is found by a part of its name, or by what else one calls it', () => {
  const names = (query: string) => found(query).map((c) => CLASS_NAMES[c]);
  assert.deepEqual(names('WATER '), ['water', 'waterfall']);
  assert.deepEqual(names('beach'), ['sand']);
  assert.deepEqual(names('xyz'), []);
  assert.equal(found('').length, NUM_CLASSES);
});

test('twelve sketches of the classes, each of at least three, the same shapes at every size', () => {
  assert.equal(STARTERS.length, 12);
  assert.equal(new Set(STARTERS.map(({ title }) => title)).size, 12);
  for (const starter of STARTERS) {
    const large = drawn(starter, { height: 192, width: 256 });
    const small = drawn(starter, { height: 48, width: 64 });
    const kinds = new Set(large);
    assert.ok(kinds.size >= 3 && [...kinds].every((c) => c < NUM_CLASSES), starter.title);
    // The small one is the large one's middles, but for borders.
    let different = 0;
    small.forEach((c, i) => (different += Number(c !== large[(4 * Math.floor(i / 64) + 2) * 256 + 4 * (i % 64) + 2])));
    assert.ok(different < 0.05 * small.length, `${starter.title}: ${different} of ${small.length}`);
  }
});
