import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { licences } from './licences.mjs';
import { root } from './setup/system.mjs';

const read = (file) => fs.readFileSync(path.join(root, file), 'utf8');
const { dependencies, devDependencies, optionalDependencies = {} } = JSON.parse(read('package.json'));
const direct = { ...dependencies, ...devDependencies, ...optionalDependencies };

test('every direct dependency has a fixed version and a line that says what it is for', () => {
  const rows = read('docs/dependencies.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const listed = rows.flatMap((line) => [...line.split('|')[1].matchAll(/`([^`]+)`/g)].map((m) => m[1]));
  assert.deepEqual(listed.sort(), Object.keys(direct).sort());
  for (const [name, version] of Object.entries(direct)) assert.match(version, /^(npm:.*@)?\d+\.\d+\.\d+$/, name);
});

test('the lock file is exact, and no package runs a script when it is installed', () => {
  assert.match(read('.npmrc'), /^ignore-scripts=true$/m);
  const { packages } = JSON.parse(read('package-lock.json'));
  for (const [folder, p] of Object.entries(packages)) {
    if (folder === '' || p.inBundle) continue;
    // Without an address the package comes from the user's registry, and has to have this checksum.
    assert.doesNotMatch(p.resolved ?? '', /^(git|http:)/, `${folder}: its address`);
    assert.match(p.integrity ?? '', /^sha512-/, `${folder}: its checksum`);
  }
  assert.deepEqual({ ...packages[''].dependencies, ...packages[''].devDependencies, ...packages[''].optionalDependencies }, direct);
});

test('every package has a licence, or is known not to state it in its description', () => {
  const all = licences();
  assert.ok(all.length > 400);
  assert.equal(all.find((p) => p.name === 'sharp').licence, 'Apache-2.0');
  assert.equal(all.filter((p) => p.direct).length, Object.keys(direct).length);
  // Its readme says MIT.
  assert.deepEqual(
    all.filter((p) => p.licence === 'not stated').map((p) => p.name),
    ['@mapbox/jsonlint-lines-primitives'],
  );
  // Nothing that would bind whoever uses the project: LGPL is sharp's, linked dynamically.
  const strict = all.filter((p) => /GPL|CC-BY-NC|SSPL|BUSL/.test(p.licence)).map((p) => p.name);
  assert.ok(
    strict.every((name) => name.startsWith('@img/sharp-')),
    strict.join(', '),
  );
});
