import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { UserError } from '../src/common/errors';
import { serve } from './serve';

/** The answer to an address as it is, without what a client would tidy. */
const asked = (address: string, path: string, method = 'GET') =>
  new Promise<{ status?: number; type?: string; cache?: string; text: string }>((resolve, reject) => {
    const { hostname, port } = new URL(address);
    request({ hostname, port, path, method }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode, type: response.headers['content-type'], cache: response.headers['cache-control'], text }),
      );
    })
      .on('error', reject)
      .end();
  });

test('the folder, with the types that a browser asks for, and nothing outside of it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'serve-'));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'site'));
  await writeFile(join(folder, 'secret.txt'), 'no');
  await writeFile(join(folder, 'site/index.html'), 'page');
  await writeFile(join(folder, 'site/a.wasm'), 'wasm');
  await writeFile(join(folder, 'site/net.0123.safetensors'), 'net');
  const { address, close } = await serve(join(folder, 'site'));
  t.after(close);
  assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  const page = await asked(address, '/?engine=wasm');
  assert.deepEqual([page.status, page.type, page.text, page.cache], [200, 'text/html; charset=utf-8', 'page', 'no-cache']);
  assert.equal((await asked(address, '/a.wasm')).type, 'application/wasm');
  assert.match((await asked(address, '/net.0123.safetensors')).cache ?? '', /immutable/);
  for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/none', '/%00']) {
    assert.equal((await asked(address, path)).status, 404, path);
  }
  assert.equal((await asked(address, '/%zz')).status, 400);
  assert.equal((await asked(address, '/', 'POST')).status, 405);
  const taken = Number(new URL(address).port);
  await assert.rejects(serve(folder, taken), (e) => e instanceof UserError && /^The port \d+ is taken; choose another with --port\.$/.test(e.message));
});
