/** The native engine: tfjs-node's addon compiled against the libraries in TensorFlow's own wheel, or what can stand in for it. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { SetupError, capture, copyFile, guarded, locked, readJson, root, say, step, sweep, temporary, writeFile } from './system.mjs';
import { TENSORFLOW, compileArguments, explain, fallbackSentence, pipDownload, planEngine } from './plan.mjs';
import { cache, choice, findCompiler, findLibc, findNvidia, findPython, onPath } from './found.mjs';
import { venvPython } from './jupyter.mjs';

const modules = path.join(root, 'node_modules');
const tfjsNode = path.join(modules, '@tensorflow/tfjs-node');
export const addon = path.join(tfjsNode, 'lib/napi-v8/tfjs_binding.node');
const stampFile = path.join(tfjsNode, 'lib/set-up.json');
const unpacker = path.join(root, 'scripts/setup/unpack.py');
const HOUR = 3600e3;
const ELSEWHERE = 'set LGGAN_CACHE to a folder of your own on a disk with space';

/** What the set-up left: {engine: 'tensorflow' | 'other', gpu, sentence, passing, ...}, or null. */
export const engineStamp = () => readJson(stampFile);

/** Our own part of the addon. */
const sources = ['functions.cc', 'quiet.cc', 'kernels.cc', 'cluster.cc'].map((name) => path.join(root, 'scripts/setup', name));

const sourceHash = () =>
  sources
    .reduce((hash, file) => hash.update(fs.readFileSync(file)), createHash('sha256'))
    .digest('hex')
    .slice(0, 12);

const machine = () => `${TENSORFLOW} ${process.platform} ${process.arch} ${choice} ${onPath().nvidia} ${sourceHash()}`;

/** Whether the remembered decision still holds; for the native engine, whether its files are the ones that were made. */
export async function engineReady() {
  if (choice === 'wasm' || choice === 'plain') return true;
  const stamp = engineStamp();
  if (!stamp || stamp.machine !== machine()) return false;
  if (stamp.adopted) return (await tryAddon()) !== null; // What it is linked to is not known.
  if (stamp.engine === 'tensorflow') return stamp.files.every(([file, size]) => sizeOf(file) === size);
  // Without a native engine, look again when a compiler or Python appears, or after an hour if the network was to blame.
  return JSON.stringify(stamp.onPath) === JSON.stringify(onPath()) && !(stamp.passing && Date.now() - stamp.time > HOUR);
}

const sizeOf = (file) => fs.statSync(file, { throwIfNoEntry: false })?.size;

function remember(result) {
  writeFile(stampFile, JSON.stringify({ machine: machine(), onPath: onPath(), time: Date.now(), ...result }));
}

/** Loads an addon in a process of its own: {version, gpu}, or null where it does not load. */
export async function tryAddon(file = addon) {
  if (!fs.existsSync(file)) return null;
  const script = 'const b = require(process.argv[1]); console.log(`\\n${b.TF_Version} ${b.isUsingGpuDevice()}`)';
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', TF_FORCE_GPU_ALLOW_GROWTH: 'true' };
  const { code, output } = await capture(process.execPath, ['-e', script, file], { env, timeout: 120_000 });
  const match = /\n(\S+) (true|false)\s*$/.exec(output);
  return code === 0 && match ? { version: match[1], gpu: match[2] === 'true' } : null;
}

/** Finds or makes the best engine that this machine allows. Resolves in any case: WebAssembly needs nothing. */
export async function installEngine() {
  const python = (fs.existsSync(venvPython) && venvPython) || (await findPython().then((found) => found?.pip && found.command));
  const found = {
    ...{ platform: process.platform, arch: process.arch, libc: findLibc(), choice },
    ...{ pip: python || null, compiler: await findCompiler(), nvidia: await findNvidia() },
  };
  const { attempts, reasons } = planEngine(found);

  // An addon that somebody else put there will do, unless a GPU waits for a better one.
  const present = !engineStamp() ? await tryAddon() : null;
  if (present && (present.gpu || !attempts[0]?.gpu)) {
    remember({ engine: 'tensorflow', adopted: true, gpu: present.gpu });
    return;
  }

  let passing = false;
  for (const attempt of attempts) {
    try {
      await step(nameOf(attempt), (note) => (attempt.kind === 'wheel' ? fromWheel(attempt, found, note) : fromPackage()));
      return;
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      passing ||= error.passing;
      reasons.push(error.message.replace(/\.$/, ''));
      say(`  ${error.message}`);
    }
  }
  const sentence = fallbackSentence(reasons);
  remember({ engine: 'other', gpu: false, sentence, passing });
  say(sentence);
}

const nameOf = ({ kind, gpu }) => (kind === 'wheel' ? `TensorFlow ${TENSORFLOW}${gpu ? ' with CUDA' : ''}` : "tfjs-node's own TensorFlow");

/** Wheel -> libraries in the cache -> addon in the cache -> a copy in node_modules -> tried. */
async function fromWheel(wheel, { pip, compiler }, note) {
  const folder = path.join(cache, wheel.folder);
  let own = [];
  await guarded(
    `Writing to ${cache}`,
    () =>
      locked(
        `${folder}.lock`,
        async () => {
          sweep(cache);
          sweep(folder);
          if (!fs.existsSync(folder)) await fetchLibraries(wheel, pip, folder, note);
          const made = await compileAddons(wheel, compiler, folder, note);
          for (const name of fs.readdirSync(made)) copyFile(path.join(made, name), path.join(path.dirname(addon), name));
          own = fs.readdirSync(made).map((name) => path.join(path.dirname(addon), name));
        },
        ELSEWHERE,
      ),
    ELSEWHERE,
  );
  const loaded = await tryAddon();
  if (!loaded) {
    fs.rmSync(addon, { force: true });
    fs.rmSync(folder, { recursive: true, force: true });
    throw new SetupError(`The TensorFlow libraries in ${folder} do not load and were removed; \`npm run setup\` fetches them anew.`);
  }
  const libraries = wheel.libraries.map((name) => path.join(folder, 'tensorflow', name));
  remember({ engine: 'tensorflow', gpu: loaded.gpu, wantsGpu: wheel.gpu, files: [...own, ...libraries].map((file) => [file, sizeOf(file)]) });
  if (wheel.gpu && !loaded.gpu) return 'ready, but TensorFlow does not see the NVIDIA device and runs on the CPU (`npm run doctor` says more)';
  return `ready on the ${loaded.gpu ? 'GPU' : 'CPU'}`;
}

/** Downloads the wheel (and CUDA's, for a GPU) and keeps the libraries and the few headers the addon includes. */
async function fetchLibraries(wheel, pip, folder, note) {
  const work = temporary(folder);
  const download = path.join(work, 'download');
  fs.mkdirSync(download, { recursive: true });
  const { bavail, bsize } = fs.statfsSync(work);
  if (bavail * bsize < wheel.space) {
    const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;
    fs.rmSync(work, { recursive: true, force: true });
    throw new SetupError(
      `TensorFlow needs ${gigabytes(wheel.space)} in ${cache} and ${gigabytes(bavail * bsize)} are free; ` +
        'free some space or set LGGAN_CACHE to a folder on another disk, then start again.',
      true,
    );
  }
  try {
    // pip's own temporary files belong on this disk too: /tmp may be small.
    const env = { ...process.env, TMPDIR: download };
    const get = (requirements) => must('Downloading TensorFlow (pip download)', pip, pipDownload(wheel, requirements, download), env);
    const wheels = () =>
      fs
        .readdirSync(download)
        .filter((name) => name.endsWith('.whl'))
        .map((name) => path.join(download, name));
    const unpack = (file, ...patterns) => must('Unpacking TensorFlow', pip, [unpacker, file, work, ...patterns]);

    note('downloading the wheel');
    await get([wheel.requirement]);
    const [tensorflow] = wheels();
    if (wheel.gpu) {
      note('downloading CUDA (about 3 GB)');
      const cuda = await must('Reading the wheel', pip, [unpacker, '--requires', 'and-cuda', tensorflow]);
      await get(cuda.trim().split('\n'));
    }
    note('unpacking');
    const headers = ['tensorflow/c/*', 'tensorflow/core/platform/ctstring*', 'tsl/platform/ctstring*', 'xla/tsl/c/*'];
    await unpack(tensorflow, 'tensorflow/libtensorflow*', ...headers.map((header) => `tensorflow/include/${header}`));
    for (const file of wheels().filter((name) => name !== tensorflow)) {
      await unpack(file, 'nvidia/*/lib/*', 'nvidia/*/bin/*', 'nvidia/*/nvvm/*');
    }
    fs.rmSync(download, { recursive: true });
    fs.renameSync(work, folder);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Compiles addon (functions.cc, which takes in tfjs_binding.cc, and kernels.cc) and quiet.cc into a folder of the cache named after all they are made from, so that another checkout finds it. */
async function compileAddons(wheel, compiler, folder, note) {
  const binding = path.join(tfjsNode, 'binding');
  const nodeHeaders = path.join(modules, 'node-api-headers');
  const [functions, quiet, kernels] = sources;
  const files = fs
    .readdirSync(binding)
    .sort()
    .map((name) => path.join(binding, name));
  const hash = createHash('sha256')
    .update(readJson(path.join(nodeHeaders, 'package.json')).version)
    .update(folder);
  for (const file of [...files, ...sources]) hash.update(fs.readFileSync(file));
  const output = path.join(folder, `addon-${hash.digest('hex').slice(0, 12)}`);
  if (fs.existsSync(output)) return output;

  note('compiling the addon');
  const work = temporary(output);
  fs.mkdirSync(work, { recursive: true });
  const common = { platform: process.platform, includes: [binding, path.join(folder, 'tensorflow/include'), path.join(nodeHeaders, 'include')] };
  const libraries = wheel.libraries.map((name) => path.join(folder, 'tensorflow', name));
  const build = (sources, libraries, name) =>
    must('Compiling the TensorFlow addon', compiler, compileArguments({ ...common, sources, libraries, output: path.join(work, name) }));
  const own = files.filter((file) => file.endsWith('.cc') && path.basename(file) !== 'tfjs_binding.cc');
  await build([functions, kernels, ...own], libraries, path.basename(addon));
  await build([quiet], [], 'quiet.node');
  fs.renameSync(work, output);
  return output;
}

/** tfjs-node's own installation: TensorFlow 2.9 and a ready addon from its download host. */
async function fromPackage() {
  const env = { ...process.env, PATH: `${path.join(modules, '.bin')}${path.delimiter}${process.env.PATH}` };
  await capture(process.execPath, ['scripts/install.js', 'cpu', 'download'], { cwd: tfjsNode, env, timeout: 600_000 });
  const loaded = await tryAddon();
  if (!loaded) throw new SetupError("tfjs-node's own download failed: its host cannot be reached, or has nothing for this machine.", true);
  remember({ engine: 'tensorflow', adopted: true, gpu: loaded.gpu });
  return `TensorFlow ${loaded.version} ready`;
}

async function must(what, command, args, env = process.env) {
  const { code, output } = await capture(command, args, { env });
  if (code === 0) return output;
  const { message, passing } = explain(what, output, ELSEWHERE);
  throw new SetupError(message, passing);
}
