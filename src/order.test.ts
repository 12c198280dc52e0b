/** The order of the rooms: what a room imports lies below it, and the library imports nothing from outside of `src/`. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { test } from 'node:test';

/** From the ground up; rooms of one line do not know each other. */
const FLOORS = [
  ['classes.ts', 'common'],
  ['engine'],
  ['data'],
  ['layers'],
  ['checkpoints'],
  ['models', 'judges'],
  ['losses', 'metrics'],
  ['training'],
  ['inspection'],
  ['figures'],
  ['notebook'],
  ['index.ts'],
];

test('every import of src points down', () => {
  const floor = (room: string) => FLOORS.findIndex((rooms) => rooms.includes(room));
  const wrong: string[] = [];
  for (const file of readdirSync(__dirname, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const room = file.split(sep)[0];
    assert.ok(floor(room) >= 0, `${room} has no floor: add it to FLOORS`);
    for (const [, module] of readFileSync(join(__dirname, file), 'utf8').matchAll(/^(?:import|export)[^;']* from '(\.[^']*)'/gm)) {
      const target = relative(__dirname, resolve(__dirname, file, '..', module)).split(sep)[0];
      const other = FLOORS.flat().find((name) => name === target || name === `${target}.ts`) ?? target;
      if (other !== room && !(floor(other) >= 0 && floor(other) < floor(room))) wrong.push(`${file} imports ${module}`);
    }
  }
  assert.deepEqual(wrong, []);
});
