import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { checkpointFile, chooseCheckpoint, findCheckpoint } from '../src/models/pretrained';
import { buildStudio, type Built } from '../studio/build';
import { serve } from '../studio/serve';
import { runCommand } from './arguments';

/** Where the page is built that is not exported. */
const FOLDER = join(__dirname, '../node_modules/.cache/studio');

void runCommand(
  {
    name: 'npm run studio --',
    description: 'Opens a page to draw landscapes in, which a network paints while one draws; or writes it as a folder for any web server.',
    options: {
      export: { type: 'string', value: 'DIR', help: 'write the page to a folder and end; it needs nothing but a web server' },
      checkpoint: {
        type: 'string',
        value: 'PATH',
        help: "generator: a run's folder or a .safetensors file; default: the network that comes with the project",
      },
      sr_checkpoint: { type: 'string', value: 'PATH', help: 'RCAN: likewise; default: the one that comes with the project' },
      overwrite: { type: 'flag', help: 'of --export: replace files there that this command did not write, or that were changed since' },
      port: { type: 'integer', min: 0, max: 65535, default: 0, help: 'port on the loopback; 0 takes a free one' },
      no_open: { type: 'flag', help: 'say the address, open no browser' },
    },
    examples: ['npm run studio', 'npm run studio -- --export site'],
  },
  async (args) => {
    const generator = await chooseCheckpoint('LGGAN', args.checkpoint);
    const rcan = await findCheckpoint('RCAN', args.sr_checkpoint);
    console.log(generator.sentence);
    if (rcan) console.log(rcan.sentence);
    const folder = args.export ?? FOLDER;
    const built = await buildStudio({
      folder,
      overwrite: args.overwrite || !args.export,
      generator: await checkpointFile(generator.path, 'LGGAN'),
      rcan: rcan && (await checkpointFile(rcan.path, 'RCAN')),
    });
    console.log(sizes(built));
    if (args.export) return console.log(`The studio is in ${args.export}: put it on any web server, or look at it with \`npx http-server ${args.export}\`.`);
    const { address, close } = await serve(resolve(folder), args.port);
    console.log(`The studio is at ${address} (Ctrl-C ends it).`);
    if (!args.no_open) openBrowser(address);
    await new Promise<void>((done) => process.once('SIGINT', done));
    await close();
  },
);

function sizes({ files }: Built): string {
  const networks = files.filter(({ name }) => name.endsWith('.safetensors'));
  const page = files.filter((file) => !networks.includes(file));
  const sum = (list: typeof files, key: 'bytes' | 'gzipped') => (list.reduce((n, file) => n + file[key], 0) / 1e6).toFixed(2);
  return `Page: ${sum(page, 'gzipped')} MB gzipped (${sum(page, 'bytes')} MB); networks: ${sum(networks, 'bytes')} MB.`;
}

/** The system's browser; where there is none, the address on the terminal is all. */
function openBrowser(address: string): void {
  const commands: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] };
  const [command, ...first] = commands[process.platform] ?? ['xdg-open'];
  spawn(command, [...first, address], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}
