/** Hands out the studio's folder on the loopback. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { UserError } from '../src/common/errors';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.wasm': 'application/wasm',
};

export interface Serving {
  address: string;
  close(): Promise<void>;
}

/** `port` 0 takes a free one. @throws UserError if the port is taken */
export async function serve(folder: string, port = 0): Promise<Serving> {
  const server = createServer((request, response) => void answer(folder, request.url ?? '/', request.method ?? 'GET', response));
  await listening(server, port);
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (e: NodeJS.ErrnoException) =>
      reject(e.code === 'EADDRINUSE' ? new UserError(`The port ${port} is taken; choose another with --port.`, { cause: e }) : e),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
}

async function answer(folder: string, url: string, method: string, response: ServerResponse): Promise<void> {
  const refuse = (status: number, text: string) => response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
  if (method !== 'GET' && method !== 'HEAD') return void refuse(405, 'only GET');
  let name: string;
  try {
    name = decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return void refuse(400, 'not an address');
  }
  const file = normalize(join(folder, name.endsWith('/') ? `${name}index.html` : name));
  const found = file.startsWith(normalize(folder) + sep) && !name.includes('\0') ? await stat(file).catch(() => undefined) : undefined;
  if (!found?.isFile()) return void refuse(404, 'there is no such file');
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'content-length': found.size,
    // The networks' names change with their content.
    'cache-control': file.endsWith('.safetensors') ? 'public, max-age=31536000, immutable' : 'no-cache',
    'x-content-type-options': 'nosniff',
  });
  if (method === 'HEAD') response.end();
  else
    createReadStream(file)
      .on('error', () => response.destroy())
      .pipe(response);
}
