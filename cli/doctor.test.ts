import assert from 'node:assert/strict';
import test from 'node:test';
import { kernelFolder } from './doctor';

test('the path of the kernel is whole, with spaces too', () => {
  const list = (folder: string) => `Available kernels:\n  python3    /my project/.venv/share/jupyter/kernels/python3\n  tslab      ${folder}\n  zsh  /z\n`;
  for (const folder of ['/home/me/my project/.venv/share/jupyter/kernels/tslab', '/a/tslab']) assert.equal(kernelFolder(list(folder)), folder);
  assert.equal(kernelFolder('Available kernels:\n  python3    /a/tslab/python3\n'), undefined);
});
