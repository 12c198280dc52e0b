/** The order of the rooms: what a room imports lies below it. The library stands on nothing; around it stand what uses it. */
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
  ['judges'],
  ['models'],
  ['losses', 'metrics'],
  ['training'],
  ['inspection'],
  ['figures'],
  ['notebook'],
  ['index.ts'],
];

/** The same of the folders around. Tests are not of it: they may take what `proof/testing` has. */
const HOUSE = [['src'], ['tools'], ['experiments'], ['proof', 'studio'], ['cli']];

/** The imports of files of `folder` that neither stay in their room nor go to a lower one. */
function pointingUp(folder: string, files: readonly string[], floors: readonly (readonly string[])[]): string[] {
  const floor = (room: string) => floors.findIndex((rooms) => rooms.includes(room));
  const wrong: string[] = [];
  for (const file of files) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const room = file.split(sep)[0];
    assert.ok(floor(room) >= 0, `${room} has no floor: add it here`);
    for (const [, module] of readFileSync(join(folder, file), 'utf8').matchAll(/^(?:import|export)[^;']* from '(\.[^']*)'/gm)) {
      const target = relative(folder, resolve(folder, file, '..', module)).split(sep)[0];
      const other = floors.flat().find((name) => name === target || name === `${target}.ts`) ?? target;
      if (other !== room && !(floor(other) >= 0 && floor(other) < floor(room))) wrong.push(`${file} imports ${module}`);
    }
  }
  return wrong;
}

const filesOf = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' });

test('every import of src points down', () => assert.deepEqual(pointingUp(__dirname, filesOf(__dirname), FLOORS), []));

test('every import of the folders around points down', () => {
  const root = join(__dirname, '..');
  const files = HOUSE.flat().flatMap((room) => filesOf(join(root, room)).map((file) => join(room, file)));
  assert.deepEqual(pointingUp(root, files, HOUSE), []);
});
