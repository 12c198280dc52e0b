import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readTensors, readTensorsHeader } from '../checkpoints/safetensors';
import { readImage } from '../data/image';
import { readLabelMap } from '../data/label_map';
import { openForeign } from '../../tools/convert/foreign';
import { UserError } from './errors';
import { readJson } from './files';
import { refuseStandIn } from './stand_in';

const folder = mkdtempSync(join(tmpdir(), 'stand-in-'));
after(() => rmSync(folder, { recursive: true }));

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 4096\n`;

test('a pointer of Git LFS or a web page is told in the place of weights, pictures, label maps and JSON', async () => {
  const readers: [string, (file: string) => unknown][] = [
    ['x.safetensors', (f) => readTensors(f)],
    ['x.safetensors', (f) => readTensorsHeader(f)],
    ['x.pth', (f) => openForeign(f)],
    ['x.jpg', (f) => readImage(f)],
    ['x.png', (f) => readLabelMap(f)],
    ['x.json', (f) => readJson(f)],
  ];
  for (const [content, sentence] of [
    [POINTER, /git lfs pull/],
    ['<!DOCTYPE html>\n<html><body>Sign in</body></html>', /web page/],
    ['\ufeff\n<HTML lang="en">', /web page/],
    // Shorter than a header of safetensors.
    ['<html>', /web page/],
    ['<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>', /web page/],
    ['\x1f\x8b\x08', /gzip archive; unpack/],
  ] as const) {
    for (const [name, read] of readers) {
      const file = join(folder, name);
      writeFileSync(file, content, /^\ufeff/.test(content) ? 'utf8' : 'latin1');
      await assert.rejects(
        async () => read(file),
        (e) => {
          assert.ok(e instanceof UserError, String(e));
          assert.match(e.message, sentence, name);
          assert.ok(e.message.startsWith(file));
          return true;
        },
      );
    }
  }
});

test('what a server answered in words is told in the place of weights', async () => {
  for (const content of ['{"error": "Repository not found"}', 'Not Found', '[ "x" ]']) {
    for (const read of [readTensors, readTensorsHeader, openForeign]) {
      const file = join(folder, 'x.safetensors');
      writeFileSync(file, content);
      await assert.rejects(
        read(file),
        (e) => e instanceof UserError && e.message === `${file}: this is text ('${content}'), not a file of weights; download it anew.`,
      );
    }
  }
});

test('anything else passes', () => {
  for (const text of ['', '<', '<svg xmlns="x">', 'version 1', '{"<html>": 1}', 'html']) refuseStandIn(Buffer.from(text), 'x');
  // A safetensors file whose header has as many bytes as these letters say is none of ours, but it is no page either.
  refuseStandIn(Buffer.from('<htm\0\0\0\0{"a":1}'), 'x');
});
