/** Comes before the engine: what a worker, or the training of a small network, may use of this machine TensorFlow reads when it is loaded. */
import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { gpusOf, shareOf, slurmShare, threadsFor, type Machine } from '../src/engine/places';

/** The variables as they were found, which processes of --workers start from. */
export const FOUND: NodeJS.ProcessEnv = { ...process.env };

export function machine(): Machine {
  const files = process.platform === 'linux' ? readdirSync('/dev') : [];
  return { gpus: gpusOf(FOUND, files), cores: availableParallelism() };
}

/** What the command line says of an option, `--name value` or `--name=value`. */
export function given(name: string, argv: readonly string[]): string | undefined {
  const at = argv.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  return at < 0 ? undefined : argv[at].includes('=') ? argv[at].slice(name.length + 3) : argv[at + 1];
}

/** Channels, and pixels of a batch, of the network that `npm run train` is asked for: by the head of the file that it begins with, and by its options. */
export function trained(argv: readonly string[], folder = process.env.LGGAN_STANDING ?? ''): { ngf: number; pixels: number } {
  const start = given('start', argv);
  const head = start ? readHead([resolve(folder, start), resolve(folder, start, 'latest', 'G.safetensors')]) : '';
  const ngf = /\\"ngf\\":(\d+)/.exec(head)?.[1] ?? given('ngf', argv) ?? 64;
  const size = given('image_size', argv) ?? /\\"imageSize\\":\[([\d,]+)\]/.exec(head)?.[1] ?? '192x256';
  const [height, width] = size.split(/[x,]/).map(Number);
  return { ngf: Number(ngf), pixels: Number(given('batch_size', argv) ?? 2) * height * width };
}

function readHead(files: string[]): string {
  const file = files.find((name) => statSync(name, { throwIfNoEntry: false })?.isFile());
  if (!file) return '';
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(2048);
    return bytes.toString('latin1', 0, readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}

const workers = Number(given('workers', process.argv)) || 1;
try {
  const found = machine();
  Object.assign(process.env, workers > 1 ? shareOf(0, workers, found, FOUND) : slurmShare(FOUND, found.gpus));
  // One operation after the other would have half of the machine.
  if (/\btrain\.ts$/.test(process.argv[1]) && process.env.LGGAN_COMPILED !== '0') {
    const { ngf, pixels } = trained(process.argv);
    process.env.TF_NUM_INTRAOP_THREADS ??= String(threadsFor(ngf, pixels, found.cores));
  }
} catch {
  // The command says what is wrong.
}
