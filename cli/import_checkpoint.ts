import { join } from 'node:path';
import { importCheckpoint } from '../tools/convert/import';
import { listed } from '../src/checkpoints/safetensors';
import { reporter } from '../src/common/progress';
import { writtenBeside } from '../src/common/targets';
import { runCommand } from './arguments';

/** The file's name in a folder of checkpoints. */
const NAMES: Record<string, string> = { LGGAN: 'G', Discriminator: 'D', RCAN: 'RCAN' };

void runCommand(
  {
    name: 'npm run import-checkpoint --',
    description: 'Reads weights of the original (Jittor .pkl), of PyTorch (.pth) or .safetensors and writes a checkpoint that generate and train take.',
    positionals: { file: { help: 'latest_net_G.pkl, latest_net_D.pkl, best.pkl, ...', required: true, path: true } },
    options: {
      output_path: {
        type: 'string',
        value: 'FILE',
        help: 'the checkpoint (default: checkpoints/imported/G.safetensors, D or RCAN by its content)',
      },
      overwrite: { type: 'flag', help: 'replace a file that this command did not write, or that was changed since' },
      key: {
        type: 'string',
        value: 'NAME',
        help: 'which dictionary of the file holds the weights, or the prefix of their names; default: the usual ones, averaged weights first',
      },
      behaviour: {
        type: 'string',
        choices: ['original', 'paper'],
        default: 'original',
        help: 'what the network follows: the code that trained the weights, or the papers',
      },
    },
    examples: [
      'npm run import-checkpoint -- checkpoint/jittor/latest_net_G.pkl',
      'npm run import-checkpoint -- checkpoint/RCAN/best.pkl --output_path checkpoints/rcan/RCAN.safetensors',
    ],
  },
  async ({ file, output_path, key, behaviour, overwrite }) => {
    const started = performance.now();
    const onProgress = reporter('importing', { unit: 'MB', scale: 1e6 });
    const target = output_path ?? ((network: string) => join('checkpoints', 'imported', `${NAMES[network]}.safetensors`));
    const {
      network,
      config,
      format,
      values,
      notes,
      match,
      target: written,
    } = await importCheckpoint(file, target, {
      key,
      behaviour,
      onProgress,
      beforeWriting: (out) => overwrite || writtenBeside(out).refuseOthers([out]),
    });
    writtenBeside(written).add(written);
    const beside = Object.entries(values).map(([name, v]) => `${name} ${v}`);
    console.log(`${file}: ${network} (${format}), ${match.found.size} tensors${beside.length ? `; ${beside.join(', ')}` : ''}`);
    for (const note of notes) console.log(`${file}: ${note}.`);
    console.log(`configuration: ${JSON.stringify(config)}`);
    if (match.ignored.length) console.log(`not used by the network, left out: ${listed(match.ignored)}`);
    if (match.kept.length) console.log(`not in the file, computed from its weights: ${match.kept.length} vectors of spectral norm`);
    console.log(`written: ${written} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  },
);
