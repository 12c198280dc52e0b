import { FAULTS, checkData, type FaultKind } from '../tools/check/check';
import { excerpt } from '../src/common/errors';
import { reporter } from '../src/common/progress';
import { runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run check-data --',
    description:
      'Reads every photo and label map of DIR (or of its folders train, val, testA ...) and lists all that is wrong. Exit status 1 where there is a fault.',
    options: {
      mapping: { type: 'string', value: 'FILE', help: 'what the values or colours of the label maps mean' },
      json: { type: 'flag', help: 'the result as JSON' },
    },
    positionals: { dir: { help: 'data set: DIR/imgs and DIR/labels', required: true, path: true } },
    examples: ['npm run check-data -- datasets/landscape'],
  },
  async ({ dir, mapping, json }) => {
    const result = await checkData(dir, { mapping, onProgress: reporter('checking', { unit: 'files' }) });
    const { faults, counts, classes, sizes } = result;
    if (faults.length) process.exitCode = 1;
    if (json) {
      console.log(JSON.stringify(result, null, 1));
      return;
    }
    for (const { kind, file, what } of faults) console.log(`${kind}: ${excerpt(file, 1000)} ${excerpt(what, 1000)}`);
    const kinds = Object.entries(sizes).sort((a, b) => b[1] - a[1]);
    console.log(`${result.pairs} pairs${result.labelsOnly ? `, ${result.labelsOnly} label maps alone` : ''}`);
    console.log(
      `photos: ${kinds
        .slice(0, 5)
        .map(([size, n]) => `${n} of ${size}`)
        .join(', ')}${kinds.length > 5 ? ` and ${kinds.length - 5} more sizes` : ''}`,
    );
    const { turned } = result;
    if (turned.photos) {
      const left = turned.asStored ? `, but for ${turned.asStored} left as stored, as only that fits the label map` : '';
      console.log(`turned by EXIF: ${turned.photos} photos, which are read upright${left} (the same in training and construct-sr)`);
    }
    console.log('class: label maps that hold it, share of all pixels');
    for (const { name, maps, share } of classes) console.log(`  ${name.padEnd(10)} ${String(maps).padStart(6)} ${(100 * share).toFixed(2).padStart(6)}%`);
    const { maps, share } = result.unlabelled;
    if (maps) console.log(`unlabelled (255): ${maps} label maps, ${(100 * share).toFixed(2)}% of all pixels; they take part in no loss and no metric`);
    if (!faults.length) console.log('No faults.');
    else for (const [kind, n] of Object.entries(counts)) if (n) console.log(`${n} x ${FAULTS[kind as FaultKind]}`);
  },
);
