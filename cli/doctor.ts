/**
 * `npm run doctor`: what was found and what works, one line each.
 * Ends with exit status 1 where no engine computes, or where an NVIDIA device is there that TensorFlow does not use.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { convolutionSpeed } from '../proof/bench/speed';
import * as tf from '../src/engine/tf';

/** The TypeScript kernel's folder in what `jupyter kernelspec list` prints; paths may have spaces. */
export const kernelFolder = (list: string): string | undefined => /^\s*tslab\s+(.+?)\s*$/m.exec(list)?.[1];

/** The first line a program prints, or undefined where it cannot run. */
function answer(command: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 30_000 });
  return status === 0 ? stdout.trim() : undefined;
}

/** What the set-up remembers of the engine (scripts/setup/engine.mjs). */
function setUpStamp(): { sentence?: string; wantsGpu?: boolean; files?: [string, number][] } {
  try {
    return JSON.parse(fs.readFileSync(path.join(process.cwd(), 'node_modules/@tensorflow/tfjs-node/lib/set-up.json'), 'utf8'));
  } catch {
    return {};
  }
}

function main(): number {
  const problems: string[] = [];
  const line = (name: string, value: string) => console.log(`${`${name}:`.padEnd(12)} ${value}`);
  const gigabytes = (folder: string) => {
    const { bavail, bsize } = fs.statfsSync(folder);
    return `${((bavail * bsize) / 1e9).toFixed(1)} GB free`;
  };

  const stamp = setUpStamp();
  line('Node', `${process.version}, ${os.type()} ${os.arch()}`);
  const info = tf.engineInfo();
  line('engine', info.description);
  line('TensorFlow', info.tensorflowVersion ? `${info.tensorflowVersion} (TensorFlow.js ${tf.version.tfjs})` : `none, TensorFlow.js ${tf.version.tfjs}`);
  if (info.name !== 'tensorflow') line('why', stamp.sentence ?? `LGGAN_ENGINE=${process.env.LGGAN_ENGINE ?? ''}`);

  const devices = answer('nvidia-smi', '--query-gpu=name,driver_version,memory.total', '--format=csv,noheader');
  line('GPU', `${devices?.replace(/\n/g, '; ') ?? 'no NVIDIA device'}${info.gpu ? ', used by TensorFlow' : devices ? ', not used' : ''}`);
  if (devices && !info.gpu && process.env.LGGAN_ENGINE === undefined) {
    problems.push(
      stamp.wantsGpu
        ? 'TensorFlow was set up for the GPU and does not see it; TF_CPP_MIN_LOG_LEVEL=0 npm run doctor shows what it misses (often the driver library libcuda.so.1).'
        : 'An NVIDIA device is there and the engine was not set up for it; delete node_modules and run `npm run setup`, or set LGGAN_ENGINE=cpu to do without.',
    );
  }
  line('threads', `${info.threads} an operation, ${os.cpus().length} processors: ${os.cpus()[0]?.model ?? 'unknown'}`);
  line('memory', `${(os.totalmem() / 1e9).toFixed(1)} GB`);
  try {
    const speed = info.name === 'cpu' ? convolutionSpeed(16, 32) : convolutionSpeed();
    line('convolution', `${speed.toFixed(speed < 10 ? 1 : 0)} GFLOP/s (3x3, forward)`);
    if (!(speed > 0)) problems.push('A convolution did not compute.');
  } catch (error) {
    problems.push(`The engine does not compute: ${(error as Error).message}`);
  }

  const bin = path.join(process.cwd(), '.venv', process.platform === 'win32' ? 'Scripts' : 'bin');
  const jupyter = answer(path.join(bin, 'jupyter'), 'lab', '--version');
  line('Jupyter', jupyter ? `JupyterLab ${jupyter}, ${answer(path.join(bin, 'python'), '--version')}` : 'not there (`npm run setup` says why)');
  const kernel = kernelFolder(answer(path.join(bin, 'jupyter'), 'kernelspec', 'list') ?? '');
  line('kernel', kernel ? `TypeScript, ${path.relative(process.cwd(), kernel)}` : 'TypeScript is not there');
  const library = stamp.files?.map(([file]) => file).find((file) => file.includes('tensorflow_cc'));
  line('disk', `${gigabytes(process.cwd())}${library ? `; TensorFlow in ${path.dirname(library)}, ${gigabytes(path.dirname(library))}` : ''}`);

  for (const problem of problems) console.log(`\n✗ ${problem}`);
  return problems.length ? 1 : 0;
}

if (require.main === module) process.exitCode = main();
