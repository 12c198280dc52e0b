/** Makes the studio: a folder of files that any web server can hand out, and that need no other. */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { BuildOptions, Plugin } from 'esbuild';
import { UserError } from '../src/common/errors';
import { WrittenFiles } from '../src/common/targets';
import { readTensorsHeader } from '../src/checkpoints/safetensors';
import { describedGenerator } from '../src/models/described';
import type { Manifest, NetworkFile } from './worker/messages';

/** What is written beside the networks. */
const PAGE = [
  ...['index.html', 'page.css', 'page.js', 'worker.js', 'explorer.html', 'explorer.css', 'explorer.js', 'explorer_start.js', 'studio.json'],
  ...['tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm.wasm'],
];

const HERE = __dirname;
const EXPLORER = join(HERE, 'explorer');

export interface StudioOptions {
  /** Where it goes; the folder is made. */
  folder: string;
  /** `.safetensors` files. */
  generator: string;
  rcan?: string;
  /** Replace files that an earlier build did not write. Default false. */
  overwrite?: boolean;
}

export interface Built {
  /** Every file with its bytes, as it is and as a server packs it. */
  files: { name: string; bytes: number; gzipped: number }[];
}

/** @throws UserError if the generator's file is none, or a file stands in the folder that no build wrote */
export async function buildStudio({ folder, generator, rcan, overwrite = false }: StudioOptions): Promise<Built> {
  const manifest = await describe(generator);
  await mkdir(folder, { recursive: true });
  // Of an earlier build, under other names.
  const record = new WrittenFiles(folder);
  if (!overwrite)
    record.refuseOthers(
      PAGE.map((name) => join(folder, name)),
      'choose another folder, or replace it with --overwrite',
    );
  for (const name of await readdir(folder)) {
    if (/\.[0-9a-f]{12}\.safetensors$/.test(name) && record.has(join(folder, name))) await rm(join(folder, name));
  }
  await bundle(folder);
  await writeExplorer(folder);
  for (const name of ['tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm.wasm']) {
    await cp(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist', name), join(folder, name));
  }
  manifest.generator = await copyNetwork(generator, folder);
  if (rcan) manifest.rcan = await copyNetwork(rcan, folder);
  await writeFile(join(folder, 'studio.json'), JSON.stringify(manifest));
  const networks = [manifest.generator.file, ...(manifest.rcan ? [manifest.rcan.file] : [])];
  for (const name of [...PAGE, ...networks]) record.add(join(folder, name));
  const names = [...PAGE.filter((name) => name !== 'tfjs-backend-wasm.wasm'), ...networks];
  const files = await Promise.all(
    names.map(async (name) => {
      const content = await readFile(join(folder, name));
      return { name, bytes: content.length, gzipped: gzipSync(content).length };
    }),
  );
  return { files };
}

/** What the page has to know of a generator before it is fetched. */
async function describe(file: string): Promise<Manifest> {
  const network = describedGenerator(file, await readTensorsHeader(file));
  const { imageSize, noise, style, classes } = network.config;
  network.dispose();
  if (classes !== 29) throw new UserError(`${file}: this generator knows ${classes} classes; the studio draws 29.`);
  return { generator: { file: '', bytes: 0 }, imageSize: [imageSize[0], imageSize[1]], seeded: noise || style, style };
}

/** Under a name that changes with the content, so that browsers may keep it for ever. */
async function copyNetwork(file: string, folder: string): Promise<NetworkFile> {
  const content = await readFile(file);
  const sum = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const name = `${basename(file, '.safetensors').replace(/[^\w-]/g, '_')}.${sum}.safetensors`;
  await writeFile(join(folder, name), content);
  return { file: name, bytes: content.length };
}

/** No network at all. */
const EXPLORER_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'";

/** The explorer's own page, with its parts in files of their own and its data to come from the studio's page. */
async function writeExplorer(folder: string): Promise<void> {
  const page = await readFile(join(EXPLORER, 'page.html'), 'utf8');
  const values: Record<string, string> = { title: 'Kernels of semantic-aware upsampling', precision: '', description: '', planes: '' };
  const html = page
    .replace('<meta charset="utf-8">', `<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="${EXPLORER_POLICY}">`)
    .replace(/<style>\s*\{\{style\}\}\s*<\/style>/, '<link rel="stylesheet" href="explorer.css">')
    .replace(/<script>\s*\{\{script\}\}\s*<\/script>/, '<script src="explorer_start.js"></script>')
    .replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name]);
  await writeFile(join(folder, 'explorer.html'), html);
  await cp(join(EXPLORER, 'page.css'), join(folder, 'explorer.css'));
  await cp(join(EXPLORER, 'page.js'), join(folder, 'explorer.js'));
}

async function bundle(folder: string): Promise<void> {
  const { build } = await import('esbuild');
  const common: BuildOptions = {
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2021',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
    outdir: folder,
    plugins: [inTheBrowser],
  };
  const entries = { page: join(HERE, 'page/main.ts'), worker: join(HERE, 'worker/worker.ts'), explorer_start: join(HERE, 'page/explorer_start.ts') };
  const { warnings } = await build({ ...common, entryPoints: entries });
  // A name that the browser's engine lacks would be one.
  if (warnings.length) throw new Error(warnings.map(({ text, location }) => `${location?.file}: ${text}`).join('\n'));
  for (const name of ['index.html', 'page.css']) await cp(join(HERE, 'page', name), join(folder, name));
}

const ENGINE = join(HERE, 'worker/engine.ts');

/** Puts the browser's engine in the place of Node's, and nothing in the place of Node's modules, which the page does not come to. */
const inTheBrowser: Plugin = {
  name: 'in the browser',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /(^|\/)(tf|kernels)$/ }, ({ path, resolveDir }) =>
      ['tf', 'kernels'].some((name) => resolve(resolveDir, path) === resolve(HERE, '../src/engine', name)) ? { path: ENGINE } : undefined,
    );
    onResolve({ filter: /^@tensorflow\/tfjs$/ }, () => ({ path: ENGINE }));
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'node' }));
    onLoad({ filter: /.*/, namespace: 'node' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
  },
};
