import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from './errors';
import { WrittenFiles, refuseInputs } from './targets';

const root = mkdtempSync(join(tmpdir(), 'targets-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('an input is no target, by whatever way it is reached', () => {
  const input = join(root, 'in', 'a.png');
  mkdirSync(join(root, 'in', 'sub'), { recursive: true });
  writeFileSync(input, 'mine');
  symlinkSync(input, join(root, 'soft.png'));
  linkSync(input, join(root, 'hard.png'));
  symlinkSync(join(root, 'in'), join(root, 'folder'));
  writeFileSync(join(root, 'other.png'), 'mine');
  for (const target of ['in/a.png', 'in//a.png', 'in/sub/../a.png', 'soft.png', 'hard.png', 'folder/a.png']) {
    const path = `${root}/${target}`;
    assert.throws(
      () => refuseInputs([input], [join(root, 'new'), path]),
      (e) => e instanceof UserError && e.message.includes(path) && e.message.includes(input),
      target,
    );
  }
  assert.throws(() => refuseInputs([join(root, 'in')], [join(root, 'folder/')]), UserError);
  refuseInputs([input, join(root, 'nowhere')], [join(root, 'other.png'), join(root, 'new.png'), join(root, 'nowhere')]);
});

test('what a command wrote it may write again; what others wrote, or changed, is kept', () => {
  const out = join(root, 'out');
  const [own, other] = [join(out, 'labels', 'ä b.png'), join(out, 'other.png')];
  mkdirSync(join(out, 'labels'), { recursive: true });
  new WrittenFiles(out).refuseOthers([own, other]);
  writeFileSync(own, 'x');
  new WrittenFiles(out).add(own);
  writeFileSync(other, 'x');
  new WrittenFiles(out).refuseOthers([own]);
  assert.throws(() => new WrittenFiles(out).refuseOthers([own, other]), /other\.png is there already.*--overwrite/);
  writeFileSync(own, 'mended by hand');
  assert.throws(() => new WrittenFiles(out).refuseOthers([own]), /b\.png is there already/);
  assert.ok(existsSync(own));
});
