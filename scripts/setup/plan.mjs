/** What the set-up decides, as pure functions of what was found: no file, no process, so that tests cover every machine. */
import path from 'node:path';

export const TENSORFLOW = '2.21.0';
const GB = 1e9;
/** CUDA 12 runs on drivers from this major version on. */
const OLDEST_DRIVER = 525;

/** Where wheels' libraries are kept, outside node_modules so that `npm ci` leaves them alone. */
export function cacheFolder(env, platform, home) {
  if (env.LGGAN_CACHE) return path.resolve(env.LGGAN_CACHE);
  if (env.XDG_CACHE_HOME) return path.join(env.XDG_CACHE_HOME, 'lggan-sau');
  if (platform === 'win32' && env.LOCALAPPDATA) return path.join(env.LOCALAPPDATA, 'lggan-sau');
  return path.join(home, ...(platform === 'darwin' ? ['Library', 'Caches'] : ['.cache']), 'lggan-sau');
}

/** What has to be in the environment when Node starts; the rest is set in src/engine/tf.ts. One arena: with one for each thread of TensorFlow a training step holds a tenth more memory. */
export const runtimeEnvironment = (platform) => (platform === 'linux' ? { GLIBC_TUNABLES: 'glibc.malloc.arena_max=1' } : {});

/** The NVIDIA devices in the output of `nvidia-smi --query-gpu=name,driver_version --format=csv,noheader`. */
export function parseNvidia(output) {
  return output
    .split('\n')
    .map((line) => /^(.+), (\d+)\.[\d.]+$/.exec(line.trim()))
    .filter(Boolean)
    .map(([, name, driver]) => ({ name, driver: Number(driver) }));
}

/** The TensorFlow wheel for a machine, or undefined where none is published. */
export function wheelFor({ platform, arch, libc }, gpu) {
  const library = (name) => (platform === 'darwin' ? `lib${name}.2.dylib` : `lib${name}.so.2`);
  const common = {
    gpu,
    folder: `tensorflow-${TENSORFLOW}-${platform}-${arch}-${gpu ? 'gpu' : 'cpu'}`,
    libraries: ['tensorflow_cc', 'tensorflow_framework'].map(library),
    // The wheel and what is unpacked from it lie side by side for a moment.
    space: gpu ? 10 * GB : 1.5 * GB,
  };
  if (platform === 'linux' && libc === 'glibc' && arch === 'x64') {
    const tags = ['manylinux_2_27', 'manylinux_2_17', 'manylinux2014'].map((tag) => `${tag}_x86_64`);
    return { ...common, requirement: `tensorflow${gpu ? '' : '-cpu'}==${TENSORFLOW}`, tags };
  }
  if (gpu) return undefined;
  if (platform === 'linux' && libc === 'glibc' && arch === 'arm64') {
    return { ...common, requirement: `tensorflow==${TENSORFLOW}`, tags: ['manylinux_2_27_aarch64'] };
  }
  if (platform === 'darwin' && arch === 'arm64') {
    return { ...common, requirement: `tensorflow==${TENSORFLOW}`, tags: ['macosx_12_0_arm64'] };
  }
  return undefined;
}

/** `pip download` of wheels for a fixed Python, whatever Python runs pip: only their C++ libraries are wanted. */
export function pipDownload({ tags }, requirements, folder) {
  return [
    ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--python-version', '3.11'],
    ...['--no-cache-dir', '--progress-bar', 'off', '--retries', '2', '--disable-pip-version-check'],
    ...tags.flatMap((tag) => ['--platform', tag]),
    ...['--dest', folder, ...requirements],
  ];
}

/** The compiler's arguments for the addon. `libraries` are absolute; they are found again through the run path. */
export function compileArguments({ platform, sources, includes, libraries, output }) {
  const linking = platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
  return [
    ...['-std=c++17', '-O2', '-fPIC', '-DNAPI_VERSION=8', ...linking],
    ...[...sources, ...includes.map((folder) => `-I${folder}`), ...libraries],
    ...(libraries.length ? [`-Wl,-rpath,${path.dirname(libraries[0])}`] : []),
    ...['-o', output],
  ];
}

/**
 * Which engines to try, best first, and why better ones are out.
 *
 * @param found {platform, arch, libc, choice, pip, compiler, nvidia: [{name, driver}]}: `choice` is LGGAN_ENGINE.
 * @returns {attempts, reasons}: attempts are {kind: 'wheel', ...wheelFor()}, {kind: 'download'}; none left means the WebAssembly backend.
 */
export function planEngine(found) {
  const { platform, arch, choice, pip, compiler, nvidia } = found;
  const attempts = [];
  const reasons = [];
  const cpu = wheelFor(found, false);
  const driver = Math.min(...nvidia.map((device) => device.driver));
  const buildable = cpu && pip && compiler;

  if (!cpu) reasons.push(`no TensorFlow wheel is published for ${platform} ${arch}${found.libc === 'musl' ? ' with musl' : ''}`);
  else if (!pip) reasons.push('no Python 3.9 or newer with pip was found (install Python 3 with pip and venv)');
  else if (!compiler) reasons.push(`no C++ compiler was found (${compilerAdvice(platform)})`);

  if (buildable && nvidia.length && choice !== 'cpu') {
    const gpu = wheelFor(found, true);
    if (!gpu) reasons.push(`TensorFlow publishes no GPU wheel for ${platform} ${arch}`);
    else if (driver < OLDEST_DRIVER) reasons.push(`the NVIDIA driver ${driver} is older than ${OLDEST_DRIVER}, which CUDA 12 needs (update the driver)`);
    else attempts.push({ kind: 'wheel', ...gpu });
  }
  if (buildable) attempts.push({ kind: 'wheel', ...cpu });
  // tfjs-node's own download exists for these; it is TensorFlow 2.9.
  if (['linux x64', 'darwin x64', 'darwin arm64', 'win32 x64'].includes(`${platform} ${arch}`) && found.libc !== 'musl') {
    attempts.push({ kind: 'download' });
  }
  return { attempts, reasons };
}

function compilerAdvice(platform) {
  if (platform === 'darwin') return 'run `xcode-select --install`';
  return 'on Debian or Ubuntu `sudo apt install g++`, on Fedora `sudo dnf install gcc-c++`';
}

/** What running without the native engine costs, in one sentence; the first reason is the one to mend. */
export function fallbackSentence([reason]) {
  return (
    `The native TensorFlow engine is not available${reason ? `: ${reason}` : ''}. ` +
    'WebAssembly takes its place, which is about ten times slower; `npm run setup` tries again.'
  );
}

/**
 * Whether node_modules holds what package-lock.json asks for, by the list that npm leaves at the end of each installation.
 * Packages for development count only where `dev` asks for them: NODE_ENV=production and npm_config_omit=dev leave them out.
 */
export function dependenciesMatch(lock, installed, dev = false) {
  if (!lock?.packages || !installed?.packages) return false;
  const wanted = Object.entries(lock.packages).filter(([name]) => name !== '');
  const same = wanted.every(([name, entry]) => {
    const present = installed.packages[name];
    if (present) return present.version === entry.version && present.integrity === entry.integrity;
    return entry.optional === true || (!dev && (entry.dev === true || entry.devOptional === true));
  });
  // A package of the user's own is left in peace; one inside of a package of ours would be loaded in place of the right one.
  const inside = (name) => name.slice(0, Math.max(0, name.lastIndexOf('/node_modules/')));
  return same && Object.keys(installed.packages).every((name) => name in lock.packages || !inside(name) || !(inside(name) in lock.packages));
}

/**
 * A program's failure as one sentence with the way out: {message, passing}, passing where trying again later may help.
 * `elsewhere` says how another folder is chosen, where one can be.
 */
export function explain(what, output, elsewhere = '') {
  const orElsewhere = elsewhere && `, or ${elsewhere}`;
  const has = (pattern) => pattern.test(output);
  if (has(/ENOSPC|No space left on device|disk quota/i)) {
    return { message: `${what} failed: the disk is full; free some space (\`npm run doctor\` shows where)${orElsewhere}, then start again.`, passing: true };
  }
  if (has(/EACCES|EPERM|Permission denied|EROFS|Read-only file system/)) {
    const where = /(?:'|path )(\/[^'\n]+)/.exec(output)?.[1];
    return {
      message: `${what} failed: writing${where ? ` to ${where}` : ''} is not allowed; check who owns this folder and the caches in your home folder${orElsewhere}.`,
      passing: false,
    };
  }
  if (has(/ensurepip\s+is\s+not\s+available|No module named '?(venv|ensurepip)/)) {
    return {
      message: `${what} failed: this Python has no venv module; on Debian or Ubuntu \`sudo apt install python3-venv\`, then start again.`,
      passing: false,
    };
  }
  const unreachable =
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|network (request|is unreachable)|Failed to establish a new connection|Temporary failure in name resolution|Read timed out|ConnectTimeout|ProxyError|SSLError|CERTIFICATE|\(from versions: none\)/i;
  if (has(unreachable)) {
    return { message: `${what} failed: the package registry cannot be reached; check the network and proxy settings, then start again.`, passing: true };
  }
  if (has(/EUSAGE|in sync/)) {
    return { message: `${what} failed: package.json and package-lock.json disagree; run \`npm install\` once.`, passing: false };
  }
  const last =
    output
      .trim()
      .split('\n')
      .filter((line) => !/A complete log of this run/.test(line))
      .pop() ?? '';
  return { message: `${what} failed${last ? `: ${last.trim().slice(0, 300)}` : ''}.`, passing: false };
}
