import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { crc32, sha256Of } from './checksum';

test('the published check values', async () => {
  // The CRC catalogue's check value is that of these nine digits; FIPS 180-2 gives the hash of "abc".
  const digits = Buffer.from('123456789');
  assert.equal(crc32(digits), 0xcbf43926);
  const own = Object.getOwnPropertyDescriptor(zlib, 'crc32');
  if (own?.configurable) {
    Object.defineProperty(zlib, 'crc32', { value: undefined, configurable: true });
    assert.equal(crc32(digits), 0xcbf43926, 'without the one of Node');
    Object.defineProperty(zlib, 'crc32', own);
  }
  const dir = mkdtempSync(join(tmpdir(), 'checksum-'));
  writeFileSync(join(dir, 'a'), 'abc');
  assert.equal(await sha256Of(join(dir, 'a')), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  rmSync(dir, { recursive: true });
});
