import { exportCheckpoint } from '../tools/convert/export';
import { reporter } from '../src/common/progress';
import { runCommand } from './arguments';

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
      half: { type: 'flag', help: 'half precision: half the size, three digits; .safetensors only' },
    },
    examples: ['npm run export-checkpoint -- checkpoints/lggan --output_path latest_net_G.pkl'],
  },
  async ({ source, output_path, network, half }) => {
    const onProgress = reporter('exporting', { unit: 'MB', scale: 1e6 });
    const { file, tensors } = await exportCheckpoint(source, output_path, { network, half, onProgress });
    console.log(`written: ${output_path} (${tensors} tensors of ${file})`);
  },
);
