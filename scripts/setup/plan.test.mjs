import assert from 'node:assert/strict';
import test from 'node:test';
import { cacheFolder, compileArguments, dependenciesMatch, explain, fallbackSentence, parseNvidia, pipDownload, planEngine, wheelFor } from './plan.mjs';

const linux = { platform: 'linux', arch: 'x64', libc: 'glibc', choice: 'auto', pip: '/usr/bin/python3', compiler: '/usr/bin/g++', nvidia: [] };
const mac = { ...linux, platform: 'darwin', arch: 'arm64', libc: undefined, compiler: '/usr/bin/clang++' };
const kinds = (found) => planEngine(found).attempts.map(({ kind, gpu, requirement }) => [kind, gpu, requirement].filter((x) => x !== undefined).join(' '));

test('engines in order, for each kind of machine', () => {
  assert.deepEqual(kinds(linux), ['wheel false tensorflow-cpu==2.21.0', 'download']);
  assert.deepEqual(kinds({ ...linux, arch: 'arm64' }), ['wheel false tensorflow==2.21.0']);
  assert.deepEqual(kinds(mac), ['wheel false tensorflow==2.21.0', 'download']);
  assert.deepEqual(kinds({ ...mac, arch: 'x64' }), ['download']);
  assert.deepEqual(kinds({ ...linux, platform: 'win32', libc: undefined }), ['download']);
  assert.deepEqual(kinds({ ...linux, libc: 'musl' }), []);
});

test('an NVIDIA device puts the GPU wheel first, and the CPU wheel behind it', () => {
  const nvidia = parseNvidia('NVIDIA H100 80GB HBM3, 550.54.15\n');
  assert.deepEqual(nvidia, [{ name: 'NVIDIA H100 80GB HBM3', driver: 550 }]);
  assert.deepEqual(kinds({ ...linux, nvidia }), ['wheel true tensorflow==2.21.0', 'wheel false tensorflow-cpu==2.21.0', 'download']);
  assert.deepEqual(kinds({ ...linux, nvidia, choice: 'cpu' }), ['wheel false tensorflow-cpu==2.21.0', 'download']);
  assert.equal(wheelFor({ ...linux, arch: 'arm64' }, true), undefined);
  assert.deepEqual(parseNvidia('No devices were found\n'), []);
});

test('an old NVIDIA driver leads to the CPU wheel and says so', () => {
  const found = { ...linux, nvidia: parseNvidia('Tesla K80, 470.82.01') };
  assert.deepEqual(kinds(found), ['wheel false tensorflow-cpu==2.21.0', 'download']);
  assert.match(planEngine(found).reasons[0], /driver 470 is older than 525.*update the driver/);
});

test('what is missing is named, with the way out', () => {
  assert.match(planEngine({ ...linux, compiler: null }).reasons[0], /no C\+\+ compiler.*apt install g\+\+/);
  assert.match(planEngine({ ...mac, compiler: null }).reasons[0], /xcode-select --install/);
  assert.match(planEngine({ ...linux, pip: null }).reasons[0], /Python 3\.9/);
  assert.match(planEngine({ ...linux, libc: 'musl' }).reasons[0], /no TensorFlow wheel is published for linux x64 with musl/);
  assert.match(fallbackSentence(['no C++ compiler was found']), /no C\+\+ compiler was found\. WebAssembly.*ten times slower; `npm run setup` tries again\.$/);
});

test("cache folder: own variable, then the platform's custom", () => {
  assert.equal(cacheFolder({ LGGAN_CACHE: '/big/disk', XDG_CACHE_HOME: '/x' }, 'linux', '/home/me'), '/big/disk');
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux', '/home/me'), '/x/lggan-sau');
  assert.equal(cacheFolder({}, 'linux', '/home/me'), '/home/me/.cache/lggan-sau');
  assert.equal(cacheFolder({}, 'darwin', '/Users/me'), '/Users/me/Library/Caches/lggan-sau');
});

test('pip and compiler are called for the platform', () => {
  const pip = pipDownload(wheelFor(linux, true), ['tensorflow==2.21.0'], '/c').join(' ');
  assert.match(pip, /--platform manylinux_2_27_x86_64 --platform manylinux_2_17_x86_64/);
  assert.match(pip, /--dest \/c tensorflow==2\.21\.0$/);
  assert.match(pipDownload(wheelFor(mac, false), [], '/c').join(' '), /--platform macosx_12_0_arm64/);
  const build = (platform, libraries) => compileArguments({ platform, sources: ['a.cc'], includes: ['/i'], libraries, output: 'o' }).join(' ');
  assert.match(build('linux', ['/t/lib.so.2']), /-shared a\.cc -I\/i \/t\/lib\.so\.2 -Wl,-rpath,\/t -o o$/);
  assert.match(build('darwin', ['/t/lib.2.dylib']), /-bundle -undefined dynamic_lookup a\.cc/);
  assert.doesNotMatch(build('linux', []), /rpath/);
});

test('dependencies match when every package has the version of the lock, optional ones may be absent', () => {
  const lock = { packages: { '': {}, a: { version: '1', integrity: 'x' }, b: { version: '2', optional: true } } };
  assert.equal(dependenciesMatch(lock, { packages: { a: { version: '1', integrity: 'x' } } }), true);
  assert.equal(dependenciesMatch(lock, { packages: { a: { version: '0', integrity: 'x' } } }), false);
  assert.equal(dependenciesMatch(lock, { packages: { b: { version: '2' } } }), false);
  // The user's own, by `npm install --no-save`; a second version inside of a package of ours is not.
  const own = { 'node_modules/c': { version: '3' }, 'node_modules/c/node_modules/d': { version: '3' } };
  const ours = { 'node_modules/a': { version: '1', integrity: 'x' } };
  const locked = { packages: { '': {}, ...ours } };
  assert.equal(dependenciesMatch(locked, { packages: { ...ours, ...own } }), true);
  assert.equal(dependenciesMatch(locked, { packages: { ...ours, 'node_modules/a/node_modules/d': { version: '3' } } }), false);
  assert.equal(dependenciesMatch(lock, null), false);
});

test('packages for development may be absent, except where they are asked for', () => {
  const lock = { packages: { '': {}, a: { version: '1' }, b: { version: '2', dev: true }, c: { version: '3', devOptional: true } } };
  const without = { packages: { a: { version: '1' } } };
  assert.equal(dependenciesMatch(lock, without), true);
  assert.equal(dependenciesMatch(lock, without, true), false);
  assert.equal(dependenciesMatch(lock, { packages: { a: { version: '1' }, b: { version: '0' } } }), false);
  assert.equal(dependenciesMatch(lock, { packages: { b: { version: '2' } } }), false);
});

test('where another folder can be chosen, the sentence says how', () => {
  for (const output of ["EACCES: permission denied, mkdir '/root/.cache/x'", 'ENOSPC: no space left on device']) {
    assert.match(explain('This', output, 'set LGGAN_CACHE to another').message, /, or set LGGAN_CACHE to another/);
    assert.doesNotMatch(explain('This', output).message, /LGGAN_CACHE/);
  }
});

test('failures become one sentence, and say whether waiting may help', () => {
  const cases = [
    ['OSError: [Errno 28] No space left on device', /the disk is full/, true],
    ['npm error code ENOTFOUND', /registry cannot be reached/, true],
    ['ERROR: Could not find a version that satisfies the requirement x (from versions: none)', /registry cannot be reached/, true],
    [
      "npm error path /repo/node_modules\nnpm error EACCES: permission denied, mkdir '/repo/node_modules'",
      /writing to \/repo\/node_modules is not allowed/,
      false,
    ],
    [
      'The virtual environment was not created successfully because ensurepip is not\navailable.  On Debian/Ubuntu systems, you need to install the python3-venv\npackage',
      /apt install python3-venv/,
      false,
    ],
    ['npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync', /npm install/, false],
    ['line 1\nthe wheel x.whl is damaged (Bad CRC-32)', /the wheel x\.whl is damaged/, false],
  ];
  for (const [output, message, passing] of cases) {
    const explained = explain('This', output);
    assert.match(explained.message, message);
    assert.match(explained.message, /^This failed.*\.$/);
    assert.equal(explained.passing, passing, output);
  }
});
