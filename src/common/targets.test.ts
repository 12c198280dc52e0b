import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from './errors';
import { fileSentence } from './file_errors';
import { inputFiles, refuseInputs } from './targets';

const folder = mkdtempSync(join(tmpdir(), 'targets-'));
after(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]) => join(folder, ...names);
mkdirSync(at('set/labels'), { recursive: true });
mkdirSync(at('out'));
writeFileSync(at('set/labels/a.png'), 'hand-made');
symlinkSync(at('set'), at('link'));
symlinkSync(at('set/labels/a.png'), at('out/soft.png'));
linkSync(at('set/labels/a.png'), at('out/hard.png'));

test('an input is never a target: by name, from another folder, through links of any kind', () => {
  const inputs = inputFiles(at('set'));
  assert.deepEqual(inputs, [at('set/labels/a.png')]);
  for (const target of [at('set/labels/a.png'), relative('.', at('set/labels/a.png')), at('set/labels/../labels/a.png'), at('link/labels/a.png'), at('out/soft.png'), at('out/hard.png')]) {
    assert.throws(() => refuseInputs(inputs, [at('out/new.png'), target]), (e) => e instanceof UserError && e.message.includes(target) && e.message.includes(inputs[0]), target);
  }
  // The input may be the link, and the target not there yet.
  assert.throws(() => refuseInputs([at('link/labels/b.png')], [at('set/labels/b.png')]), UserError);
  refuseInputs(inputs, [at('out/a.png'), at('set/a.png'), at('set/labels/b.png')]);
  assert.equal(readFileSync(at('set/labels/a.png'), 'utf8'), 'hand-made');
});

test('what the file system says, as one sentence with the path and the way out', () => {
  for (const [code, what] of [['EACCES', /permission/], ['EROFS', /read-only/], ['ENOSPC', /full/], ['EEXIST', /is a file/], ['ENOTDIR', /is a file/], ['ENOENT', /not there/]] as const) {
    const sentence = fileSentence(Object.assign(new Error('stack'), { code, path: '/x/y', syscall: 'open' }));
    assert.match(sentence ?? '', what);
    assert.match(sentence ?? '', /^\/x\/y: .*\.$/);
  }
  assert.equal(fileSentence(new TypeError('toFixed')), undefined);
  assert.equal(fileSentence(Object.assign(new Error('x'), { code: 'MODULE_NOT_FOUND' })), undefined);
});
