/** The sketch survives a reload: it is kept in the browser's own database. Where there is none, nothing is kept. */

export interface Stored {
  height: number;
  width: number;
  labels: Uint8Array;
  below: Uint8Array;
  seed: number;
}

const NAME = 'sketch-studio';
const STORE = 'sketch';
const KEY = 'current';

export async function keep(sketch: Stored): Promise<void> {
  const store = await open('readwrite');
  if (store) await ended(store.put(sketch, KEY)).catch(() => undefined);
}

/** The sketch that was kept, if it has this size and is whole. */
export async function kept(height: number, width: number, classes: number): Promise<Stored | undefined> {
  const store = await open('readonly');
  const found = (await (store && ended(store.get(KEY)).catch(() => undefined))) as Stored | undefined;
  if (!found || found.height !== height || found.width !== width) return undefined;
  const whole = (data: unknown) => data instanceof Uint8Array && data.length === height * width && data.every((c) => c < classes);
  return whole(found.labels) && whole(found.below) && Number.isSafeInteger(found.seed) ? found : undefined;
}

let database: Promise<IDBDatabase | undefined> | undefined;

async function open(mode: IDBTransactionMode): Promise<IDBObjectStore | undefined> {
  database ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(undefined);
    } catch {
      // Private windows of some browsers.
      resolve(undefined);
    }
  });
  return (await database)?.transaction(STORE, mode).objectStore(STORE);
}

const ended = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
