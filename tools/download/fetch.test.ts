import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from '../../src/common/errors';
import { copyChecked, fetchFile } from './fetch';

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 31 + 7) % 251));
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const FAST = { retryDelayMs: 1, stallMs: 5000 };

const folder = mkdtempSync(join(tmpdir(), 'fetch-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const target = () => join(folder, `${count++}`, 'file.bin');

/** A server for one test; `answer` gets each request's number from 0. Returns what was asked for. */
async function served(
  answer: (request: IncomingMessage, response: ServerResponse, n: number) => void,
  use: (url: string, ranges: (string | undefined)[]) => Promise<void>,
) {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response, ranges.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, ranges);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Answers as a file server does: ranges only while the version is the one asked for. `cut` breaks off after so many bytes. */
function send(request: IncomingMessage, response: ServerResponse, { cut = Infinity, etag = '"1"', content = CONTENT } = {}) {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const begin = range && request.headers['if-range'] === etag ? Number(range[1]) : 0;
  const body = content.subarray(begin);
  response.writeHead(begin ? 206 : 200, { 'content-length': body.length, etag });
  if (body.length <= cut) return void response.end(body);
  response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 50));
}

test('a file arrives whole, by way of a redirect, and is not fetched again', async () => {
  await served(
    (request, response) => (request.url === '/a' ? response.writeHead(302, { location: '/b' }).end() : send(request, response)),
    async (url, ranges) => {
      const file = target();
      const seen: number[] = [];
      const result = await fetchFile(`${url}/a`, file, { ...FAST, sha256: SHA256, size: CONTENT.length, onProgress: (done) => seen.push(done) });
      assert.deepEqual(result, { file, bytes: CONTENT.length, sha256: SHA256, changed: true });
      assert.deepEqual(readFileSync(file), CONTENT);
      assert.equal(seen.at(-1), CONTENT.length);
      assert.deepEqual(readdirSync(join(file, '..')), ['file.bin']);
      assert.equal((await fetchFile(`${url}/a`, file, { sha256: SHA256 })).changed, false);
      assert.equal(ranges.length, 2);
    },
  );
});

test('a broken transfer goes on where it stopped, in the same call and in the next', async () => {
  await served(
    (request, response, n) => send(request, response, { cut: n < 2 ? 100_000 : Infinity }),
    async (url, ranges) => {
      const file = target();
      await assert.rejects(fetchFile(url, file, { ...FAST, retries: 0 }), (e: Error) => e instanceof UserError && /kept/.test(e.message));
      assert.equal(existsSync(file), false);
      await fetchFile(url, file, { ...FAST, sha256: SHA256 });
      assert.deepEqual(readFileSync(file), CONTENT);
      assert.deepEqual(ranges, [undefined, 'bytes=100000-', 'bytes=200000-']);
    },
  );
});

test('a file that has changed meanwhile is fetched from its beginning', async () => {
  const other = Buffer.from(CONTENT).reverse();
  await served(
    (request, response, n) => (n ? send(request, response, { etag: '"2"', content: other }) : send(request, response, { cut: 1000 })),
    async (url) => {
      const file = target();
      await fetchFile(url, file, FAST);
      assert.deepEqual(readFileSync(file), other);
    },
  );
});

test('another checksum or size is refused, and leaves nothing', async () => {
  await served(
    (request, response) => send(request, response),
    async (url) => {
      const file = target();
      await assert.rejects(fetchFile(url, file, { ...FAST, sha256: 'ab'.repeat(32) }), /checksum is .* instead of abababababab/);
      await assert.rejects(fetchFile(url, file, { ...FAST, size: 5 }), /300000 bytes instead of 5/);
      assert.deepEqual(readdirSync(join(file, '..')), []);
    },
  );
});

test('a server that says nothing more, or that has no such file, ends in one sentence', async () => {
  await served(
    (request, response) => {
      if (request.url === '/none') return void response.writeHead(404).end();
      response.writeHead(200, { 'content-length': 10 });
      response.write('abc');
    },
    async (url) => {
      await assert.rejects(fetchFile(`${url}/none`, target(), FAST), (e: Error) => e instanceof UserError && /no such file \(404\)/.test(e.message));
      await assert.rejects(
        fetchFile(url, target(), { retries: 0, stallMs: 150 }),
        (e: Error) => e instanceof UserError && /no byte came for 0.15 s/.test(e.message),
      );
    },
  );
  await assert.rejects(fetchFile('http://127.0.0.1:9/x', target(), { retries: 0 }), /connection failed/);
});

test('an interrupted fetch keeps its part', async () => {
  await served(
    (request, response, n) => {
      if (n) return send(request, response);
      response.writeHead(200, { 'content-length': CONTENT.length, etag: '"1"' });
      response.write(CONTENT.subarray(0, 50_000));
    },
    async (url, ranges) => {
      const file = target();
      const controller = new AbortController();
      const onProgress = (done: number) => void (done >= 50_000 && controller.abort());
      await assert.rejects(fetchFile(url, file, { ...FAST, signal: controller.signal, onProgress }), /stopped/);
      await fetchFile(url, file, { ...FAST, sha256: SHA256 });
      assert.equal(ranges[1], 'bytes=50000-');
    },
  );
});

test('a local file is copied with the same checks', async () => {
  const source = join(folder, 'source.bin');
  writeFileSync(source, CONTENT);
  const file = target();
  assert.equal((await copyChecked(source, file, { sha256: SHA256 })).changed, true);
  assert.equal((await copyChecked(source, file, { sha256: SHA256 })).changed, false);
  await assert.rejects(copyChecked(source, target(), { sha256: '00000000' }), UserError);
  await assert.rejects(copyChecked(join(folder, 'none'), target()), /there is no such file/);
});
