import { splitDataset, undoSplit } from '../src/data/split';
import { reporter } from '../src/common/progress';
import { runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run split --',
    description: "Moves some pairs of DIR/train to DIR/val: those that Python's random.sample chooses of the sorted file names.",
    options: {
      input_path: { type: 'string', value: 'DIR', default: 'datasets/landscape', help: 'data set with a folder train' },
      count: { type: 'integer', min: 1, default: 400, help: 'how many pairs' },
      undo: { type: 'flag', help: 'move the pairs of the split back to train' },
      seed: { type: 'integer', min: 0, default: 628, help: "seed of Python's random" },
    },
  },
  async ({ input_path, count, seed, undo }) => {
    if (undo) {
      const pairs = await undoSplit(input_path, { onProgress: reporter('moving pairs back') });
      console.log(`${pairs} pairs are back in train.`);
      return;
    }
    const { val, train, changed } = await splitDataset(input_path, { count, seed, onProgress: reporter('moving pairs') });
    console.log(`${changed ? '' : 'Split already: '}${train.length} pairs in train, ${val.length} in val; the first chosen is ${val[0]}.`);
  },
);
