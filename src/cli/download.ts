import { UserError } from '../errors';
import { downloadWeights } from '../download/weights';
import { WEIGHTS, type WeightsName } from '../models/weights';
import { progress } from '../progress';
import { interruptible, runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run download --',
    description: 'Fetches what the project does not carry: the networks of others (weights). Broken transfers go on where they stopped; every file is checked.',
    positionals: { what: { help: 'weights', required: true } },
    options: {
      only: { type: 'list', value: 'NAME', help: `weights: some of ${Object.keys(WEIGHTS).join(', ')}` },
      from: { type: 'string', value: 'DIR|URL', help: 'weights: a folder or server that has the files' },
      output_path: { type: 'string', value: 'DIR', help: 'weights: default checkpoints' },
    },
    examples: ['npm run download -- weights', 'npm run download -- weights --only segmenter aesthetic --from /media/usb/weights'],
  },
  async (args) => {
    const parts: Record<string, () => Promise<void>> = { weights: () => weights(args) };
    const part = parts[args.what];
    if (!part) throw new UserError(`There is no '${args.what}' to download; there is ${Object.keys(parts).join(', ')}.`);
    await part();
  },
);

async function weights({ only, from, output_path: folder = 'checkpoints' }: { only?: string[]; from?: string; output_path?: string }): Promise<void> {
  const unknown = only?.find((name) => !(name in WEIGHTS));
  if (unknown) throw new UserError(`--only: there are no weights '${unknown}'; there are ${Object.keys(WEIGHTS).join(', ')}.`);
  const interrupt = interruptible();
  const bars = new Map<string, ReturnType<typeof progress>>();
  const outcomes = await downloadWeights({
    names: only as WeightsName[] | undefined,
    from,
    folder,
    signal: interrupt.signal,
    onProgress(file, done, total) {
      const bar = bars.get(file) ?? progress(total, file, { unit: 'MB', scale: 1e6 });
      bars.set(file, bar);
      bar.update(done);
      if (done === total) bar.finish();
    },
  });
  interrupt.dispose();
  for (const { name, state, reason } of outcomes) {
    const { title, use, origin, licence, files } = WEIGHTS[name];
    console.log(`${name}: ${state}${reason ? `: ${reason}` : ''}`);
    if (state === 'fetched' || state === 'present') continue;
    console.log(`  ${title}\n  for: ${use}\n  made from: ${origin}\n  licence: ${licence}`);
    for (const { path, size, sha256 } of files) console.log(`  ${folder}/${path}, ${size} bytes, sha256 ${sha256}`);
  }
  if (outcomes.some(({ state }) => state === 'failed')) process.exitCode = 2;
}
