/** The page's worker: it computes, so that the brush never waits. Of several sketches only the newest is painted. */
import { UserError } from '../../src/common/errors';
import { resizeLabels } from '../../src/data/resize';
import type { RCAN } from '../../src/models/rcan';
import { readLabelFile, writeLabelFile } from '../drawing/label_file';
import { ENGINES, ENGINE_TITLES, disposeVariables, hasEngine, memory, startEngine, type EngineName } from './engine';
import type { Manifest, Reply, Request } from './messages';
import { fetchNetwork, forgetOthers, loadGenerator, loadRcan } from './networks';
import { Painter } from './painter';

const scope = self as unknown as { postMessage(reply: Reply, transfer?: Transferable[]): void; onmessage: ((event: MessageEvent<Request>) => void) | null };
const queue: Request[] = [];
let painter: Painter | undefined;
let running = false;

scope.onmessage = ({ data }) => {
  // A newer sketch takes the place of one that waits.
  if (data.type === 'paint') {
    const waiting = queue.findIndex(({ type }) => type === 'paint');
    if (waiting >= 0) queue.splice(waiting, 1);
  }
  queue.push(data);
  if (!running) void work();
};

async function work(): Promise<void> {
  running = true;
  for (let request = queue.shift(); request; request = queue.shift()) {
    try {
      await answer(request);
    } catch (e) {
      scope.postMessage({ type: 'failed', id: 'id' in request ? request.id : undefined, message: sentence(e) });
    }
    // Lets messages in that came meanwhile.
    await new Promise((resolve) => setTimeout(resolve));
  }
  running = false;
}

async function answer(request: Request): Promise<void> {
  const began = performance.now();
  const milliseconds = () => performance.now() - began;
  switch (request.type) {
    case 'start':
      return start(request.base, request.manifest, request.engine);
    case 'paint': {
      const views = await ready().paint(request);
      const reply: Reply = { type: 'painted', id: request.id, milliseconds: milliseconds(), views, tensors: memory().numTensors };
      return scope.postMessage(
        reply,
        views.map(({ picture }) => picture.data.buffer),
      );
    }
    case 'near':
      return scope.postMessage({ type: 'near', id: request.id, seed: ready().near(request) });
    case 'enlarge': {
      const picture = await ready().enlarge();
      return scope.postMessage({ type: 'enlarged', id: request.id, milliseconds: milliseconds(), picture }, [picture.data.buffer]);
    }
    case 'explain':
      return scope.postMessage({ type: 'explained', id: request.id, ...(await ready().explain(request.x, request.y)) });
    case 'read': {
      const { labels, remarks } = readLabelFile(new Uint8Array(request.bytes), request.name);
      const { data } = resizeLabels(labels, [request.height, request.width]);
      return scope.postMessage({ type: 'read', id: request.id, labels: data, remarks });
    }
    case 'write': {
      const png = writeLabelFile({ data: request.labels, height: request.height, width: request.width });
      return scope.postMessage({ type: 'written', id: request.id, png: png.buffer as ArrayBuffer });
    }
  }
}

function ready(): Painter {
  if (!painter) throw new UserError('The network is not there: reload the page.');
  return painter;
}

/** Fetches the networks and starts the first engine that paints. */
async function start(base: string, manifest: Manifest, asked?: string): Promise<void> {
  const { generator, rcan, imageSize } = manifest;
  const bytes = await fetchNetwork(base, generator, (done, total) => scope.postMessage({ type: 'fetching', done, total }));
  await forgetOthers(base, rcan ? [generator, rcan] : [generator]).catch(() => undefined);
  const enlarger = async (): Promise<RCAN> => {
    if (!rcan) throw new UserError('There is no network that enlarges beside this page.');
    return loadRcan(rcan, await fetchNetwork(base, rcan, () => undefined));
  };
  let loaded: Promise<RCAN> | undefined;
  const reasons: string[] = [];
  for (const engine of await engines(asked)) {
    try {
      await startEngine(engine, base);
      const candidate = new Painter(await loadGenerator(generator, bytes), () => (loaded ??= enlarger()));
      // Compiles what there is to compile, and shows whether this engine can.
      const [height, width] = imageSize;
      await candidate.paint({ labels: new Uint8Array(height * width), height, width, seed: 0 });
      painter = candidate;
      return scope.postMessage({ type: 'ready', engine: ENGINE_TITLES[engine] });
    } catch (e) {
      if (e instanceof UserError) throw e;
      disposeVariables();
      reasons.push(`${ENGINE_TITLES[engine]}: ${e instanceof Error ? e.message : String(e)}`);
    }
  }
  throw new UserError(
    `This browser cannot compute the painting: it has neither WebGPU, WebGL 2 nor WebAssembly that works${reasons.length ? ` (${reasons.join('; ')})` : ''}; a newer one, or another setting, will.`,
  );
}

async function engines(asked?: string): Promise<EngineName[]> {
  const named = ENGINES.filter((name) => name === asked);
  if (named.length) return named;
  const there: EngineName[] = [];
  for (const name of ENGINES) if (await hasEngine(name)) there.push(name);
  return there;
}

function sentence(e: unknown): string {
  if (e instanceof UserError) return e.message;
  return `The painting failed: ${e instanceof Error ? e.message : String(e)}.`;
}
