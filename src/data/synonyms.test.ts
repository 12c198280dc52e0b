import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLASS_NAMES } from '../classes';
import { UserError } from '../common/errors';
import { Random } from '../common/random';
import { RARE_SYNONYMS, Renaming, SYNONYMS, renamed, type Synonyms } from './synonyms';

test('names are drawn as often as they stand there; all else keeps its own, also unlabelled pixels', () => {
  const renaming = new Renaming({ mountain: ['mountain', 'mountain', 'hill'], boat: ['ship'] });
  const random = new Random(3);
  const counts = new Map<string, number>();
  for (let i = 0; i < 900; i++) {
    const names = renaming.draw(random);
    names.forEach((c, own) => {
      if (CLASS_NAMES[own] === 'mountain') counts.set(CLASS_NAMES[c], (counts.get(CLASS_NAMES[c]) ?? 0) + 1);
      else assert.equal(CLASS_NAMES[c], CLASS_NAMES[own] === 'boat' ? 'ship' : CLASS_NAMES[own]);
    });
  }
  // 300 of 900, four standard deviations (14.1 each) at most away.
  assert.equal(counts.size, 2);
  assert.ok(Math.abs(counts.get('hill')! - 300) < 57, String(counts.get('hill')));
  const [mountain, sky, boat, ship] = ['mountain', 'sky', 'boat', 'ship'].map((name) => CLASS_NAMES.indexOf(name));
  const drawn = renaming.draw(random);
  const labels = { data: Uint8Array.of(mountain, sky, boat, 255), height: 2, width: 2 };
  assert.deepEqual(renamed(labels, drawn), { data: Uint8Array.of(drawn[mountain], sky, ship, 255), height: 2, width: 2 });
});

test('classes that label maps of landscapes rarely have are shown by others; every class goes on being shown by its own name', () => {
  const shown = new Set(Object.values(RARE_SYNONYMS).flat());
  for (const name of ['hill', 'lake', 'land', 'house', 'ship', 'pier', 'railing']) assert.ok(shown.has(name), name);
  for (const synonyms of [SYNONYMS, RARE_SYNONYMS]) {
    for (const [name, names] of Object.entries(synonyms)) {
      assert.ok(names.includes(name), name);
      new Renaming({ [name]: names });
    }
  }
});

test('a name that is no class is refused', () => {
  for (const synonyms of [{ pond: ['lake'] }, { lake: ['lake', 'pond'] }] as Synonyms[]) {
    assert.throws(
      () => new Renaming(synonyms),
      (e) => e instanceof UserError && /no class 'pond'/.test(e.message),
    );
  }
});
