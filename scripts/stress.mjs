/**
 * `npm run stress`: the long forms of tests that `npm test` runs briefly: thirty kills of a training run, five hundred steps watched for
 * memory, FID and KID of 160 photographs. `npm run stress -- kill` runs the files whose path contains the word. About ten minutes.
 */
import path from 'node:path';
import { run, setUp } from '../setup.mjs';
import { SetupError, TYPESCRIPT, foreground, root } from './setup/system.mjs';
import { runtimeEnvironment } from './setup/plan.mjs';

const FILES = ['proof/testing/kill.test.ts', 'proof/testing/disk_full.test.ts', 'proof/testing/memory.test.ts', 'tools/judges/inception.test.ts'];

await run(async () => {
  const words = process.argv.slice(2);
  const files = FILES.filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  if (!files.length) throw new SetupError(`No long test has ${words.join(' or ')} in its name; there are ${FILES.join(', ')}.`);
  await setUp({ dev: true });
  const env = { ...runtimeEnvironment(process.platform), ...process.env, LGGAN_LONG: '1' };
  const options = ['--expose-gc', ...TYPESCRIPT, '--test', '--test-concurrency=1', '--test-reporter=spec'];
  return foreground(process.execPath, [...options, ...files.map((file) => path.join(root, file))], { env });
});
