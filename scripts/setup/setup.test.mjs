/**
 * The set-up from end to end in a small checkout of its own, on a PATH of its own with a Python and a compiler that pretend:
 * nothing is downloaded, every interruption and failure can be played.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findCompiler, findLibc } from './found.mjs';
import { planEngine } from './plan.mjs';
import { locked, register, root, running, sweep, which, writeFile } from './system.mjs';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'lggan-setup-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

/** Answers like Python with pip and venv; FAKE says what goes wrong; `calls` lists what it was asked. */
const PYTHON = `#!${process.execPath}
const fs = require('fs'), path = require('path');
const args = process.argv.slice(2), all = args.join(' ');
fs.appendFileSync(process.env.CALLS, all + '\\n');
if (args[0] === '-c') console.log('3 11 1 1');
else if (args[1] === 'venv') {
  if (process.env.FAKE === 'no venv') { console.log('ensurepip is not\\navailable.  On Debian/Ubuntu systems'); process.exit(1); }
  fs.mkdirSync(args[2] + '/bin', { recursive: true });
  fs.copyFileSync(__filename, args[2] + '/bin/python');
} else if (all.includes('pip download')) {
  if (process.env.FAKE === 'offline') { console.log('Failed to establish a new connection'); process.exit(1); }
  if (process.env.FAKE === 'full') { console.log('OSError: [Errno 28] No space left on device'); process.exit(1); }
  const folder = args[args.indexOf('--dest') + 1];
  for (const name of args.slice(args.indexOf('--dest') + 2)) fs.writeFileSync(path.join(folder, name.split(/[=<>]/)[0] + '.whl'), 'wheel');
  const wait = { hang: 60000, slow: 1500 }[process.env.FAKE];
  if (wait) setTimeout(() => {}, wait);
} else if (all.includes('--requires')) console.log('nvidia-cudnn-cu12<10,>=9\\nnvidia-cublas-cu12<13');
else if (args[0].endsWith('unpack.py')) {
  if (process.env.FAKE === 'bad wheel') { console.log('the wheel tensorflow.whl is damaged (Bad CRC-32)'); process.exit(1); }
  fs.mkdirSync(args[2] + '/tensorflow/include', { recursive: true });
  for (const l of ['cc', 'framework']) for (const e of ['so.2', '2.dylib']) fs.writeFileSync(args[2] + '/tensorflow/libtensorflow_' + l + '.' + e, 'library');
}`;

/** Answers like a compiler, with an addon that was compiled before. */
const COMPILER = `#!${process.execPath}
const fs = require('fs'), args = process.argv.slice(2);
if (args[0] !== '--version') {
  if (process.env.FAKE === 'broken addon') fs.writeFileSync(args[args.length - 1], 'not a library');
  else fs.copyFileSync(process.env.STUB, args[args.length - 1]);
}`;

const STUB = `#include <node_api.h>
static napi_value Gpu(napi_env env, napi_callback_info) { napi_value v; napi_get_boolean(env, GPU, &v); return v; }
NAPI_MODULE_INIT() {
  napi_value v;
  napi_create_string_utf8(env, "2.21.0", NAPI_AUTO_LENGTH, &v); napi_set_named_property(env, exports, "TF_Version", v);
  napi_create_function(env, "isUsingGpuDevice", NAPI_AUTO_LENGTH, Gpu, nullptr, &v); napi_set_named_property(env, exports, "isUsingGpuDevice", v);
  return exports;
}`;

const headers = path.join(root, 'node_modules/node-api-headers');
const compiler = await findCompiler();
const { attempts } = planEngine({ platform: process.platform, arch: process.arch, libc: findLibc(), pip: 'x', compiler: 'x', nvidia: [] });
const skip = !compiler ? 'no C++ compiler' : attempts[0]?.kind !== 'wheel' ? 'no wheel for this machine' : !fs.existsSync(headers) && 'no dependencies';

before(() => {
  if (skip) return;
  fs.writeFileSync(path.join(scratch, 'stub.cc'), STUB);
  for (const gpu of [0, 1]) {
    const linking = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-fPIC'];
    const args = [...linking, `-DGPU=${gpu}`, `-I${headers}/include`, 'stub.cc', '-o', `stub${gpu}.node`];
    const { status, stderr } = spawnSync(compiler, args, { cwd: scratch, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
});

let count = 0;

/** A checkout with its own PATH and cache. `programs` are those on the PATH. */
function checkout(programs = ['python3', 'g++']) {
  const folder = path.join(scratch, `repository ${++count}`); // A space in the path, as on many desktops.
  const at = (...names) => path.join(folder, ...names);
  const program = (name, text) => {
    fs.mkdirSync(at('bin'), { recursive: true });
    fs.writeFileSync(at('bin', name), text, { mode: 0o755 });
  };
  for (const name of programs) program(name, name === 'python3' ? PYTHON : COMPILER);
  fs.cpSync(path.join(root, 'scripts/setup'), at('scripts/setup'), { recursive: true });
  fs.copyFileSync(path.join(root, 'setup.mjs'), at('setup.mjs'));
  fs.mkdirSync(at('node_modules/@tensorflow/tfjs-node/binding'), { recursive: true });
  fs.writeFileSync(at('node_modules/@tensorflow/tfjs-node/binding/a.cc'), '');
  fs.symlinkSync(headers, at('node_modules/node-api-headers'));
  fs.writeFileSync(at('package-lock.json'), '{"packages":{"":{}}}');
  fs.writeFileSync(at('node_modules/.package-lock.json'), '{"packages":{}}');
  const env = (more) => ({ HOME: folder, PATH: at('bin'), LGGAN_CACHE: at('cache'), CALLS: at('calls'), STUB: path.join(scratch, 'stub0.node'), ...more });
  return {
    ...{ at, program },
    start: (more) => spawn(process.execPath, ['setup.mjs'], { cwd: folder, env: env(more) }),
    run(more) {
      const { status, stderr } = spawnSync(process.execPath, ['setup.mjs'], { cwd: folder, env: env(more), encoding: 'utf8' });
      return { status, text: stderr };
    },
    calls: () => (fs.existsSync(at('calls')) ? fs.readFileSync(at('calls'), 'utf8') : ''),
    forget: () => fs.rmSync(at('calls'), { force: true }),
    cached: () => (fs.existsSync(at('cache')) ? fs.readdirSync(at('cache')) : []),
  };
}

const until = async (condition) => {
  for (let i = 0; i < 400 && !condition(); i++) await sleep(25);
  assert.ok(condition());
};
const ended = (child) => new Promise((resolve) => child.on('close', resolve));

test('from nothing to ready; the second start asks nobody', { skip }, () => {
  const repository = checkout();
  const first = repository.run();
  assert.equal(first.status, 0, first.text);
  assert.match(first.text, /✓ Jupyter: .* s\)\n(.*\n)*✓ TensorFlow 2\.21\.0: ready on the CPU \([\d.]+ s\)/);
  assert.deepEqual(fs.readdirSync(repository.at('node_modules/@tensorflow/tfjs-node/lib/napi-v8')), ['quiet.node', 'tfjs_binding.node']);
  const kernel = JSON.parse(fs.readFileSync(repository.at('.venv/share/jupyter/kernels/tslab/kernel.json'), 'utf8'));
  assert.equal(kernel.argv[1], repository.at('scripts/kernel.cjs'));

  repository.forget();
  const started = Date.now();
  const second = repository.run();
  assert.ok(Date.now() - started < 2000);
  assert.equal(repository.calls(), '');
  assert.equal(second.text.trim().split('\n').length, 1, second.text);
});

test('the cache serves after node_modules was made anew, and another kernel path is written again', { skip }, () => {
  const repository = checkout();
  repository.run();
  fs.rmSync(repository.at('node_modules/@tensorflow/tfjs-node/lib'), { recursive: true });
  fs.writeFileSync(repository.at('.venv/share/jupyter/kernels/tslab/kernel.json'), '{}');
  repository.forget();
  assert.match(repository.run().text, /✓ TensorFlow 2\.21\.0: ready/);
  assert.doesNotMatch(repository.calls(), /download|unpack|install/);
  assert.match(fs.readFileSync(repository.at('.venv/share/jupyter/kernels/tslab/kernel.json'), 'utf8'), /kernel\.cjs/);
});

test('whatever is gone of the addon is made again', { skip }, () => {
  const repository = checkout();
  repository.run();
  for (const name of ['tfjs_binding.node', 'quiet.node']) {
    const file = repository.at('node_modules/@tensorflow/tfjs-node/lib/napi-v8', name);
    fs.rmSync(file);
    assert.match(repository.run().text, /✓ TensorFlow 2\.21\.0: ready/);
    assert.ok(fs.existsSync(file), name);
  }
});

test('an addon that was there already is used while it loads, and replaced when it does not', { skip }, () => {
  const repository = checkout();
  const addon = repository.at('node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node');
  fs.mkdirSync(path.dirname(addon), { recursive: true });
  fs.copyFileSync(path.join(scratch, 'stub0.node'), addon);
  assert.doesNotMatch(repository.run().text, /TensorFlow 2\.21\.0/);
  assert.doesNotMatch(repository.run().text, /TensorFlow 2\.21\.0/);
  fs.writeFileSync(addon, 'no longer a library');
  assert.match(repository.run().text, /✓ TensorFlow 2\.21\.0: ready on the CPU/);
});

test('killed while downloading: nothing half-made is taken for done, and the next start cleans up', { skip }, async () => {
  const repository = checkout();
  const child = repository.start({ FAKE: 'hang' });
  await until(() => repository.cached().some((name) => name.includes('.tmp-') && fs.readdirSync(repository.at('cache', name, 'download')).length));
  child.kill('SIGKILL');
  await ended(child);
  assert.ok(!repository.cached().some((name) => /cpu$/.test(name)));

  const { status, text } = repository.run();
  assert.equal(status, 0, text);
  assert.match(text, /ready on the CPU/);
  assert.deepEqual(
    repository.cached().filter((name) => !/cpu$/.test(name)),
    [],
  );
});

test('ended by Ctrl-C while downloading: no lock, no child is left', { skip }, async () => {
  const repository = checkout();
  const child = repository.start({ FAKE: 'hang' });
  await until(() => /download/.test(repository.calls()));
  child.kill('SIGINT');
  assert.equal(await ended(child), 130);
  assert.deepEqual(
    fs.readdirSync(repository.at()).filter((name) => name.includes('lock') && name !== 'package-lock.json'),
    [],
  );
});

test('killed while making .venv: it is made anew', { skip }, () => {
  const repository = checkout();
  fs.mkdirSync(repository.at('.venv/bin'), { recursive: true });
  fs.writeFileSync(repository.at('.venv/bin/python'), 'half a program');
  fs.writeFileSync(repository.at('.venv/set-up.json'), '{}');
  assert.match(repository.run().text, /✓ Jupyter/);
});

test("a .venv of somebody's own is kept, Jupyter is added", { skip }, () => {
  const repository = checkout();
  fs.mkdirSync(repository.at('.venv/bin'), { recursive: true });
  fs.writeFileSync(repository.at('.venv/bin/python'), PYTHON, { mode: 0o755 });
  fs.writeFileSync(repository.at('.venv/mine'), '');
  assert.match(repository.run().text, /✓ Jupyter/);
  assert.ok(fs.existsSync(repository.at('.venv/mine')));
});

test('two set-ups at once: one works, the other waits and finds it done', { skip }, async () => {
  const repository = checkout();
  const children = [repository.start({ FAKE: 'slow' }), repository.start({ FAKE: 'slow' })];
  assert.deepEqual(await Promise.all(children.map(ended)), [0, 0]);
  assert.equal(repository.calls().match(/pip download/g).length, 1);
});

test('no compiler: one sentence, then WebAssembly; it is remembered until a compiler appears', { skip }, () => {
  const repository = checkout(['python3']);
  const { status, text } = repository.run();
  assert.equal(status, 0);
  assert.match(text, /^The native TensorFlow engine is not available: no C\+\+ compiler was found \(.*\).*WebAssembly takes its place.*$/m);
  assert.doesNotMatch(repository.calls(), /pip download/);
  repository.program('g++', COMPILER);
  assert.match(repository.run().text, /ready on the CPU/);
});

test('no Python: one sentence for the notebooks, one for the engine, and the rest goes on', { skip }, () => {
  const { status, text } = checkout(['g++']).run();
  assert.equal(status, 0);
  assert.match(text, /^Notebooks need Python 3\.9 or newer, and none was found; install Python 3.*$/m);
  assert.match(text, /^The native TensorFlow engine is not available: no Python 3\.9.*WebAssembly.*$/m);
});

for (const [fake, sentence] of [
  ['no venv', /^Making \.venv failed: this Python has no venv module; on Debian or Ubuntu `sudo apt install python3-venv`, then start again\.$/m],
  ['offline', /Downloading TensorFlow \(pip download\) failed: the package registry cannot be reached; check the network and proxy settings/],
  ['full', /Downloading TensorFlow \(pip download\) failed: the disk is full; free some space/],
  ['bad wheel', /Unpacking TensorFlow failed: the wheel tensorflow\.whl is damaged/],
  ['broken addon', /The TensorFlow libraries in .* do not load and were removed; `npm run setup` fetches them anew/],
]) {
  test(`${fake}: one sentence with the way out, and no broken engine left behind`, { skip }, () => {
    const repository = checkout();
    const { status, text } = repository.run({ FAKE: fake });
    assert.equal(status, 0, text);
    assert.match(text, sentence);
    assert.doesNotMatch(text, /^\s+at /m);
    if (fake !== 'no venv') assert.deepEqual(repository.cached(), []);
    assert.equal(repository.run().status, 0);
  });
}

test('an NVIDIA device: the GPU wheel with the CUDA wheels it requires', { skip: skip || process.platform !== 'linux' || process.arch !== 'x64' }, () => {
  const repository = checkout();
  repository.program('nvidia-smi', `#!${process.execPath}\nconsole.log('NVIDIA H100, 550.54.15')`);
  const { text } = repository.run({ STUB: path.join(scratch, 'stub1.node') });
  assert.match(text, /✓ TensorFlow 2\.21\.0 with CUDA: ready on the GPU/);
  assert.match(repository.calls(), /pip download.* tensorflow==2\.21\.0\n/);
  assert.match(repository.calls(), /pip download.* nvidia-cudnn-cu12<10,>=9 nvidia-cublas-cu12<13\n/);
  assert.deepEqual(
    repository.cached().filter((name) => !name.endsWith('.lock')),
    ['tensorflow-2.21.0-linux-x64-gpu'],
  );
});

test('an NVIDIA device that TensorFlow does not see is told', { skip: skip || process.platform !== 'linux' || process.arch !== 'x64' }, () => {
  const repository = checkout();
  repository.program('nvidia-smi', `#!${process.execPath}\nconsole.log('NVIDIA H100, 550.54.15')`);
  assert.match(repository.run().text, /TensorFlow does not see the NVIDIA device and runs on the CPU/);
});

test('the lock of a dead process is taken over, one of a living process is not', async () => {
  const file = path.join(scratch, 'lock');
  fs.writeFileSync(file, String(spawnSync(process.execPath, ['-e', '']).pid));
  assert.equal(await locked(file, async () => 'done'), 'done');
  assert.ok(!fs.existsSync(file));

  const order = [];
  const first = locked(file, async () => {
    await sleep(300);
    order.push('first');
  });
  await sleep(50);
  // Our own process lives, so this waits as another process would.
  await Promise.all([first, locked(file, async () => order.push('second'))]);
  assert.deepEqual(order, ['first', 'second']);
});

test('files are written whole, and what dead processes left is swept away', () => {
  const folder = path.join(scratch, 'files');
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  writeFile(path.join(folder, 'a'), 'whole');
  fs.mkdirSync(path.join(folder, `b.tmp-${dead}`));
  fs.writeFileSync(path.join(folder, `c.tmp-${process.pid}`), '');
  sweep(folder);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['a', `c.tmp-${process.pid}`]);
});

test('unpack.py keeps what matches, and names a damaged wheel', { skip: !which('python3') && 'no Python' }, () => {
  const python = (...args) => spawnSync('python3', args, { cwd: scratch, encoding: 'utf8' });
  const make = `import zipfile
with zipfile.ZipFile('w.whl', 'w', zipfile.ZIP_DEFLATED) as z:
  z.writestr('tensorflow/lib.so', b'x' * 10000); z.writestr('tensorflow/python/a.py', 'no')
  z.writestr('t.dist-info/METADATA', 'Name: t\\nRequires-Dist: numpy\\nRequires-Dist: nvidia-a<2,>=1; extra == "and-cuda"\\n')
data = bytearray(open('w.whl', 'rb').read()); data[60] ^= 255; open('bad.whl', 'wb').write(data); open('half.whl', 'wb').write(data[:200])`;
  assert.equal(python('-c', make).status, 0);
  const unpacker = path.join(root, 'scripts/setup/unpack.py');
  assert.equal(python(unpacker, 'w.whl', 'out', 'tensorflow/lib*').status, 0);
  assert.deepEqual(fs.readdirSync(path.join(scratch, 'out/tensorflow')), ['lib.so']);
  assert.equal(fs.statSync(path.join(scratch, 'out/tensorflow/lib.so')).size, 10000);
  assert.equal(python(unpacker, '--requires', 'and-cuda', 'w.whl').stdout, 'nvidia-a<2,>=1\n');
  for (const name of ['bad.whl', 'half.whl']) {
    const { status, stderr } = python(unpacker, name, 'out', '*');
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`^the wheel ${name} is damaged \\(.*\\)\\n$`));
  }
});

const anotherUser = process.getuid?.() === 0 && which('setpriv');
test(
  'in a checkout of somebody else what is there is used, with a sentence',
  { skip: skip || (!anotherUser && 'another user can be had by root alone') },
  () => {
    const repository = checkout();
    repository.run();
    fs.rmSync(repository.at('node_modules/@tensorflow/tfjs-node/lib'), { recursive: true });
    fs.chmodSync(scratch, 0o755);
    const start = (...args) =>
      spawnSync(anotherUser, ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, ...args], {
        cwd: repository.at(),
        env: { PATH: repository.at('bin'), HOME: '/', LGGAN_CACHE: '/none' },
        encoding: 'utf8',
      });
    const script = (options) =>
      `const { setUp } = await import('./setup.mjs'); try { console.log(JSON.stringify(await setUp(${options}))); } catch (e) { console.log(e.constructor.name); }`;
    const used = start('--input-type=module', '-e', script('{}'));
    assert.match(used.stderr, /^.* cannot be written \(EACCES\), and the set-up is not complete there: whoever owns it .*LGGAN_CACHE.*\.\n$/);
    assert.equal(used.stdout, '{"notebooks":false}\n');
    assert.equal(start('--input-type=module', '-e', script('{ notebooks: true }')).stdout, 'SetupError\n');
    fs.writeFileSync(repository.at('package-lock.json'), '{"packages":{"":{},"a":{"version":"1"}}}');
    assert.equal(start('--input-type=module', '-e', script('{}')).stdout, 'SetupError\n');
  },
);

test('a checkout that cannot be written is a sentence', async () => {
  // A file as the folder refuses also root, whom permissions do not stop.
  const file = fs.mkdtempSync(path.join(os.tmpdir(), 'locked-'));
  fs.writeFileSync(path.join(file, 'checkout'), '');
  await assert.rejects(
    locked(path.join(file, 'checkout', '.set-up.lock'), async () => 0),
    (e) => e.name !== 'TypeError' && /checkout cannot be written \((EEXIST|ENOTDIR)\).*npm run setup/.test(e.message) && e.code === undefined,
  );
});

/** An npm that writes node_modules as LIST says into the folder it stands in, after `npm ci`; FAKE says what goes wrong. */
const NPM = `#!${process.execPath}
const fs = require('fs'), args = process.argv.slice(2).join(' ');
fs.appendFileSync(process.env.CALLS, 'npm ' + args + '\\n');
if (process.env.FAKE === 'no registry') { if (args.includes('--loglevel=error')) console.log('npm error code ENOTFOUND'); process.exit(1); }
fs.mkdirSync('node_modules');
if (process.env.FAKE === 'hang in npm') setTimeout(() => {}, 60000);
else {
  const dev = args.includes('--include=dev') || process.env.NODE_ENV !== 'production';
  const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
  const made = process.env.FAKE === 'nothing' ? [] : Object.entries(packages).filter(([name, p]) => name && (dev || !p.dev));
  fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: Object.fromEntries(made) }));
}`;

/** Dependencies alone, in a checkout whose lock asks for `a`, and for `b` where one develops. */
function dependencies() {
  const repository = checkout([]);
  repository.program('npm', NPM);
  fs.writeFileSync(repository.at('package.json'), '{}');
  fs.writeFileSync(repository.at('package-lock.json'), '{"packages":{"":{},"a":{"version":"1"},"b":{"version":"2","dev":true}}}');
  fs.writeFileSync(repository.at('node_modules/old'), '');
  const script = (dev) => `const { installDependencies } = await import('./scripts/setup/dependencies.mjs');
    try { await installDependencies(${dev}); } catch (e) { console.error(e.constructor.name + ': ' + e.message); process.exit(1); }`;
  const options = (more) => ({ cwd: repository.at(), env: { PATH: repository.at('bin'), HOME: repository.at(), CALLS: repository.at('calls'), ...more } });
  const args = (dev) => ['--input-type=module', '-e', script(dev)];
  return {
    ...repository,
    install(dev, more) {
      const { status, stderr } = spawnSync(process.execPath, args(dev), { ...options(more), encoding: 'utf8' });
      return { status, text: stderr };
    },
    start: (dev, more) => spawn(process.execPath, args(dev), options(more)),
    has: (name) => fs.existsSync(repository.at('node_modules', name)),
    left: () => fs.readdirSync(repository.at()).filter((name) => name.startsWith('node_modules.')),
  };
}
const noWindows = { skip: process.platform === 'win32' && 'programs that pretend are scripts' };

test('in production nothing is installed twice; tests ask for the packages for development', noWindows, () => {
  const repository = dependencies();
  const production = { NODE_ENV: 'production' };
  for (let i = 0; i < 2; i++) assert.equal(repository.install(false, production).status, 0);
  assert.equal(repository.calls().match(/npm ci/g).length, 1);
  assert.equal(repository.install(true, production).status, 0);
  assert.equal(repository.install(true, production).status, 0);
  assert.equal(repository.calls().match(/npm ci/g).length, 2);
  assert.ok(!repository.has('old'));
  assert.deepEqual(repository.left(), []);
});

test('node_modules stays while a program works with it, with a sentence; the dead do not count', noWindows, () => {
  const repository = dependencies();
  const running = repository.at('node_modules/.running');
  fs.mkdirSync(running);
  fs.writeFileSync(path.join(running, String(process.pid)), 'train');
  const { status, text } = repository.install(false);
  assert.equal(status, 1);
  assert.match(
    text,
    new RegExp(`SetupError: node_modules has to be renewed, and process ${process.pid} \\(npm run train\\) is working with it: .*start again\\.`),
  );
  assert.ok(repository.has('old'));
  assert.equal(repository.calls(), '');

  fs.utimesSync(path.join(running, String(process.pid)), 1, 1); // From before the machine started.
  fs.writeFileSync(path.join(running, String(spawnSync(process.execPath, ['-e', '']).pid)), 'train');
  assert.equal(repository.install(false).status, 0);
});

test('node_modules stays while a program that did not register has a library of it in memory', { skip: skip || process.platform !== 'linux' }, async () => {
  const repository = dependencies();
  const library = repository.at('node_modules/library.node');
  fs.copyFileSync(path.join(scratch, 'stub0.node'), library);
  const child = spawn(process.execPath, ['-e', 'require(process.argv[1]); console.log("loaded"); setTimeout(() => {}, 60000)', library]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  assert.match(repository.install(false).text, new RegExp(`process ${child.pid} is working with it`));
  assert.ok(repository.has('old'));
  child.kill();
  await ended(child);
  assert.equal(repository.install(false).status, 0);
});

test('killed or failing, an installation leaves the old node_modules', noWindows, async () => {
  const repository = dependencies();
  const child = repository.start(false, { FAKE: 'hang in npm' });
  await until(() => repository.left().some((name) => fs.existsSync(repository.at(name, 'node_modules'))));
  child.kill('SIGKILL');
  await ended(child);
  assert.ok(repository.has('old'));
  assert.match(repository.install(false, { FAKE: 'no registry', npm_config_loglevel: 'silent' }).text, /the package registry cannot be reached/);
  assert.match(repository.install(false, { FAKE: 'nothing' }).text, /SetupError: npm ci ended well and did not install/);
  assert.ok(repository.has('old'));
  assert.deepEqual(repository.left(), []);
  assert.equal(repository.install(false).status, 0);
  assert.ok(!repository.has('old') && repository.has('.package-lock.json'));
});

test('a running program is known by its number, and forgotten', () => {
  const unregister = register(process.pid, 'mine');
  assert.ok(running().some(({ pid, name }) => pid === process.pid && name === 'mine'));
  unregister();
  assert.ok(!running().some(({ pid }) => pid === process.pid));
});
