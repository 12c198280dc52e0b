/** The networks that lie beside the page: fetched once, kept by the browser, read by the library's own code. */
import { assignParameters, checkParameters } from '../../src/checkpoints/parameters';
import { parseTensors, type TensorFile } from '../../src/checkpoints/safetensors_format';
import { UserError } from '../../src/common/errors';
import { describedGenerator, describedRCAN } from '../../src/models/described';
import type { Generator } from '../../src/models/lggan/generator';
import type { RCAN } from '../../src/models/rcan';
import type { NetworkFile } from './messages';

export type OnProgress = (done: number, total: number) => void;

export const loadGenerator = ({ file }: NetworkFile, bytes: Uint8Array): Promise<Generator> => load(file, bytes, describedGenerator);
export const loadRcan = ({ file }: NetworkFile, bytes: Uint8Array): Promise<RCAN> => load(file, bytes, describedRCAN);

async function load<N extends Generator | RCAN>(file: string, bytes: Uint8Array, build: (file: string, content: TensorFile) => N): Promise<N> {
  const content = await parseTensors(bytes, file, sha256, true);
  const network = build(file, content);
  try {
    checkParameters(file, content.tensors, network.parameters);
    assignParameters(content.tensors, network.parameters);
    return network;
  } catch (e) {
    network.dispose();
    throw e;
  }
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(sum, (b) => b.toString(16).padStart(2, '0')).join('');
}

const CACHE = 'sketch-studio';

/** The bytes of a file beside the page, from the browser's own store if they were fetched before. @throws UserError */
export async function fetchNetwork(base: string, { file, bytes: total }: NetworkFile, onProgress: OnProgress): Promise<Uint8Array> {
  const address = new URL(file, base).href;
  // Not every browser has a store, and none in a page that came over an insecure connection.
  const store = typeof caches === 'undefined' ? undefined : await caches.open(CACHE).catch(() => undefined);
  const kept = await store?.match(address).catch(() => undefined);
  if (kept) return new Uint8Array(await kept.arrayBuffer());
  const bytes = await fetchBytes(address, file, total, onProgress);
  await store?.put(address, new Response(bytes)).catch(() => undefined);
  return bytes;
}

/** Forgets all networks but these. */
export async function forgetOthers(base: string, files: readonly NetworkFile[]): Promise<void> {
  if (typeof caches === 'undefined') return;
  const store = await caches.open(CACHE);
  const current = new Set(files.map(({ file }) => new URL(file, base).href));
  for (const { url } of await store.keys()) if (!current.has(url)) await store.delete(url);
}

async function fetchBytes(address: string, file: string, total: number, onProgress: OnProgress): Promise<Uint8Array> {
  const failed = (why: string) => new UserError(`The network ${file} could not be fetched: ${why}.`);
  const response = await fetch(address).catch((e: unknown) => {
    throw failed(e instanceof Error ? e.message : String(e));
  });
  if (!response.ok || !response.body) throw failed(`the server says ${response.status} ${response.statusText}`);
  const bytes = new Uint8Array(total);
  const reader = response.body.getReader();
  let done = 0;
  for (;;) {
    const { value, done: ended } = await reader.read().catch((e: unknown) => {
      throw failed(e instanceof Error ? e.message : String(e));
    });
    if (ended) break;
    if (done + value.length > total) throw failed(`it has more than the ${total} bytes it should have`);
    bytes.set(value, done);
    done += value.length;
    onProgress(done, total);
  }
  if (done !== total) throw failed(`${done} of its ${total} bytes came`);
  return bytes;
}
