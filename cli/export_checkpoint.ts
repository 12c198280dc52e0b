import { exportCheckpoint } from '../tools/convert/export';
import { UserError } from '../src/common/errors';
import { reporter } from '../src/common/progress';
import { refuseInputs, writtenBeside } from '../src/common/targets';
import { parseSize, runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run export-checkpoint --',
    description: 'Writes a checkpoint for other programs: .pkl as the original (Jittor) loads it, or .safetensors.',
    positionals: { source: { help: 'a .safetensors file or the folder of a run', required: true, path: true } },
    options: {
      output_path: { type: 'string', value: 'FILE', required: true, help: 'ends in .pkl or .safetensors' },
      network: {
        type: 'string',
        choices: ['G', 'D', 'EMA', 'RCAN'],
        default: 'G',
        help: "which network of a run's folder",
      },
      overwrite: { type: 'flag', help: 'replace a file that this command did not write, or that was changed since' },
      image_size: { type: 'string', value: 'HxW', help: 'of a generator: the size that it paints at from now on, multiples of 32; .safetensors only' },
      mean: {
        type: 'string',
        value: 'PATH,PATH,...',
        help: 'other moments of the same network, files or folders as the source may be: the mean of its weights and theirs is written, each counting alike, one named twice twice',
      },
      like: {
        type: 'string',
        value: 'CLASS=CLASS,...',
        help: 'of a generator: classes that its training set lacked and the one that each is painted as from now on, such as lake=water,hill=mountain',
      },
      half: { type: 'flag', help: 'half precision: half the size, three digits; .safetensors only' },
    },
    examples: [
      'npm run export-checkpoint -- checkpoints/lggan --output_path latest_net_G.pkl',
      'npm run export-checkpoint -- RUN/latest-000009 --mean RUN/latest-000010,RUN/latest-000011 --network EMA --output_path mean.safetensors',
    ],
  },
  async ({ source, output_path, network, half, image_size, mean, like, overwrite }) => {
    const onProgress = reporter('exporting', { unit: 'MB', scale: 1e6 });
    refuseInputs([source], [output_path]);
    if (!overwrite) writtenBeside(output_path).refuseOthers([output_path]);
    const { file, tensors } = await exportCheckpoint(source, output_path, {
      network,
      half,
      imageSize: parseSize(image_size),
      mean: mean === undefined ? undefined : parseMean(mean),
      like: like === undefined ? undefined : parseLike(like),
      onProgress,
    });
    writtenBeside(output_path).add(output_path);
    console.log(`written: ${output_path} (${tensors} tensors of ${file}${mean === undefined ? '' : `, the mean with ${mean}`})`);
  },
);

function parseMean(text: string): string[] {
  const paths = text.split(',').map((path) => path.trim());
  if (paths.includes('')) throw new UserError(`--mean: expected paths with a comma between them, got '${text}'.`);
  return paths;
}

function parseLike(text: string): Record<string, string> {
  const like: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const [to, from, ...more] = pair.split('=').map((name) => name.trim());
    if (!to || !from || more.length) throw new UserError(`--like: expected pairs such as lake=water,hill=mountain, got '${text}'.`);
    if (like[to]) throw new UserError(`--like: '${to}' is named twice; leave one out.`);
    like[to] = from;
  }
  return like;
}
