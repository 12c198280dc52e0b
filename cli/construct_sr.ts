import { constructSrDataset } from '../src/data/sr_pairs';
import { reporter } from '../src/common/progress';
import { runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run construct-sr --',
    description: 'For each photo of DIR/{train,val}/imgs writes imgs_lr (half the size) and imgs_lr_256 (half of that), to train RCAN on.',
    options: {
      input_path: { type: 'string', value: 'DIR', default: 'datasets/landscape', help: 'data set with the folders train and val' },
      overwrite: { type: 'flag', help: 'replace pictures that this command did not write, or that were changed since, where their photograph is newer' },
    },
  },
  async ({ input_path, overwrite }) => {
    const { written, skipped } = await constructSrDataset(input_path, { overwrite, onProgress: reporter('resizing') });
    console.log(`${written} photos resized, ${skipped} were finished before.`);
  },
);
