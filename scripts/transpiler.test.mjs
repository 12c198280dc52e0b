/** What was compiled before is taken from the memory, and only while nothing it depends on has changed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { TYPESCRIPT, root } from './setup/system.mjs';

const scratch = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'lggan-transpiler-')));
const file = path.join(scratch, 'a.ts');
const cached = path.join(root, 'node_modules/.cache/typescript', `${createHash('sha256').update(file).digest('hex')}.json`);
after(() => [scratch, cached].forEach((made) => fs.rmSync(made, { recursive: true, force: true })));

function run(source) {
  fs.writeFileSync(file, source);
  return spawnSync(process.execPath, [...TYPESCRIPT, file], { cwd: root, encoding: 'utf8' });
}

test('compiles once, again when the source changes or the memory is damaged', () => {
  assert.equal(run("const word: string = 'one';\nconsole.log(word);").stdout, 'one\n');
  const kept = JSON.parse(fs.readFileSync(cached, 'utf8'));
  fs.writeFileSync(cached, JSON.stringify({ ...kept, outputText: "console.log('from memory');" }));
  assert.equal(run("const word: string = 'one';\nconsole.log(word);").stdout, 'from memory\n');
  assert.equal(run("const word: string = 'two';\nconsole.log(word);").stdout, 'two\n');
  fs.writeFileSync(cached, '{"sum":');
  assert.equal(run("const word: string = 'two';\nconsole.log(word);").stdout, 'two\n');
});

test('stacks name the lines of the source, compiled now or before', () => {
  const source = 'interface Nothing {\n  left: number;\n}\n\nexport const x: Nothing | undefined = undefined;\nthrow new Error("here");';
  for (const time of ['compiled', 'kept']) assert.match(run(source).stderr, /a\.ts:6:7/, time);
});

test('a syntax error is told, and not kept', () => {
  for (const time of ['first', 'again']) assert.match(run('const = 1;').stderr, /a\.ts.*1,7.*Variable declaration expected/, time);
});
