import { writeFileAtomically } from '../src/common/atomic';
import { UserError } from '../src/common/errors';
import { nearest } from '../src/common/config';
import { GoldenFolder } from '../proof/parity/folder';
import { compareFolder, PARTS, type Part } from '../proof/parity/parity';
import { allOk, jsonReport, markdownReport, textReport } from '../proof/parity/report';
import { trimmedGolden } from '../proof/testing/trimmed';
import { reporter } from '../src/common/progress';
import { engineInfo } from '../src/engine/tf';
import { runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run parity --',
    description:
      'Compares with a folder of golden files (without one with those that travel with the project): weights by its formula.json, inputs from in/label and in/image of its .npz. ' +
      'Prints the deviation of every output; the exit code is 1 where a limit is broken.',
    positionals: { folder: { help: 'formula.json, *.npz and, beside them, *.json', path: true } },
    options: {
      only: { type: 'list', value: 'PART', help: `compare these alone: ${PARTS.join(', ')}` },
      json: { type: 'flag', help: 'print JSON' },
      markdown: { type: 'string', value: 'FILE', help: 'also write the table of docs/parity.md' },
    },
    examples: ['npm run parity', 'npm run parity -- ../shared/golden --markdown docs/parity.md', 'npm run parity -- ../shared/golden --only generator losses'],
  },
  async ({ folder, only, json, markdown }) => {
    const wrong = only?.find((part) => !PARTS.includes(part as Part));
    if (wrong) throw new UserError(`--only ${wrong}: there is no such part; did you mean ${nearest(wrong, [...PARTS]) ?? PARTS.join(', ')}?`);
    const sections = await compareFolder(new GoldenFolder(folder ?? trimmedGolden()), {
      parts: only as Part[] | undefined,
      tellMissing: markdown !== undefined,
      onProgress: reporter('comparing'),
    });
    if (markdown) {
      const command = `npm run parity --${folder ? ` ${folder}` : ''} --markdown ${markdown}`;
      await writeFileAtomically(markdown, markdownReport(sections, command, engineInfo().description));
    }
    console.log(json ? jsonReport(folder ?? 'proof/testing/golden', sections) : textReport(sections));
    if (!allOk(sections)) process.exitCode = 1;
  },
);
