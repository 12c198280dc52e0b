/** Comes before the engine: what one of several workers may use of this machine TensorFlow reads when it is loaded. */
import { closeSync, existsSync, openSync, readSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { gpusOf, shareOf, slurmShare, threadsFor, type Machine } from '../src/engine/places';

/** The variables as they were found, which processes of --workers start from. */
export const FOUND: NodeJS.ProcessEnv = { ...process.env };

export function machine(): Machine {
  const files = process.platform === 'linux' ? readdirSync('/dev') : [];
  return { gpus: gpusOf(FOUND, files), cores: availableParallelism() };
}

const option = (name: string) => new RegExp(`(?:^| )--${name}[= ](\\S+)`).exec(process.argv.join(' '))?.[1];
const workers = Number(option('workers')) || 1;

/** Channels and size of the network that `npm run train` is asked for: by its options, else by the head of the file that it begins with. */
function network(): { ngf: number; size: [number, number] } {
  const start = option('start');
  const head = start?.endsWith('.safetensors') && existsSync(start) ? readHead(start) : '';
  const ngf = option('ngf') ?? /\\"ngf\\":(\d+)/.exec(head)?.[1] ?? 64;
  const [height, width] = (option('image_size') ?? /\\"imageSize\\":\[([\d,]+)\]/.exec(head)?.[1] ?? '192x256').split(/[x,]/).map(Number);
  return { ngf: Number(ngf), size: [height, width] };
}

function readHead(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(2048);
    return bytes.toString('latin1', 0, readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}

try {
  const found = machine();
  Object.assign(process.env, workers > 1 ? shareOf(0, workers, found, FOUND) : slurmShare(FOUND, found.gpus));
  if (/\btrain\.ts$/.test(process.argv[1])) {
    const { ngf, size } = network();
    process.env.TF_NUM_INTRAOP_THREADS ??= String(threadsFor(ngf, size, found.cores));
  }
} catch {
  // The command says what is wrong.
}
