import { UserError } from '../src/common/errors';
import { LANDSCAPE, downloadLandscape } from '../tools/download/landscape';
import { downloadWeights } from '../tools/download/weights';
import { WEIGHTS, type WeightsName } from '../tools/judges/weights';
import { progress } from '../src/common/progress';
import { runCommand } from './arguments';
import { interruptible } from '../src/common/interrupt';

void runCommand(
  {
    name: 'npm run download --',
    description:
      "Fetches what the project does not carry: the networks of others (weights), the contest's data set (landscape: 10 000 pairs, unpacked and checked). Broken transfers go on where they stopped; every file is checked.",
    positionals: { what: { help: 'weights or landscape', required: true } },
    options: {
      only: {
        type: 'list',
        value: 'NAME',
        help: `weights: some of ${Object.keys(WEIGHTS).join(', ')}; landscape: some of ${LANDSCAPE.map((a) => a.name).join(', ')}`,
      },
      from: { type: 'string', value: 'DIR|URL', help: 'a folder or server that has the files; landscape: train.zip, testA.zip, testB.zip' },
      output_path: { type: 'string', value: 'DIR', help: 'weights: default checkpoints; landscape: default datasets/landscape' },
    },
    examples: [
      'npm run download -- landscape',
      'npm run download -- weights',
      'npm run download -- weights --only segmenter aesthetic --from /media/usb/weights',
    ],
  },
  async (args) => {
    const parts: Record<string, () => Promise<void>> = { weights: () => weights(args), landscape: () => landscape(args) };
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

async function landscape({ only, from, output_path: root }: { only?: string[]; from?: string; output_path?: string }): Promise<void> {
  const interrupt = interruptible();
  const bars = new Map<string, ReturnType<typeof progress>>();
  try {
    const outcomes = await downloadLandscape({
      root,
      from,
      only,
      signal: interrupt.signal,
      onProgress(part, done, total) {
        const options = part.startsWith('fetching') ? { unit: 'MB', scale: 1e6 } : { unit: 'files' };
        // Where the server does not say how much there is, what has come so far counts as all.
        const bar = bars.get(part) ?? progress(total || 8e9, part, options);
        bars.set(part, bar);
        bar.update(done);
        if (done === total) bar.finish();
      },
    });
    for (const { name, changed, count } of outcomes)
      console.log(`${name}: ${count} ${name === 'train' ? 'pairs' : 'label maps'}${changed ? '' : ', there already'}`);
    console.log(`npm run check-data -- ${root ?? 'datasets/landscape'} reads them all; npm run split holds 400 pairs back.`);
  } finally {
    interrupt.dispose();
  }
}
