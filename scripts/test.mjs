/**
 * `npm test`: set-up, `npm run check`, then every `*.test.ts` of the code and `*.test.mjs` of scripts with Node's test runner.
 * `npm test -- rcan sau` runs the files whose path contains one of the words (and checks nothing first).
 */
import fs from 'node:fs';
import path from 'node:path';
import { run, setUp } from '../setup.mjs';
import { check } from './check.mjs';
import { SetupError, TYPESCRIPT, foreground, root } from './setup/system.mjs';
import { runtimeEnvironment } from './setup/plan.mjs';

/** A test file that takes longer than this has hung. */
const FILE_LIMIT_MS = 10 * 60_000;

function* testFiles(folder) {
  for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* testFiles(file);
    else if (/\.test\.(ts|mjs)$/.test(entry.name)) yield file;
  }
}

await run(async () => {
  const words = process.argv.slice(2);
  const all = ['src', 'tools', 'experiments', 'cli', 'proof', 'studio', 'scripts'].flatMap((folder) => [...testFiles(folder)]).sort();
  const files = words.length ? all.filter((file) => words.some((word) => file.includes(word))) : all;
  if (!files.length) throw new SetupError(`No test file has ${words.join(' or ')} in its path.`);

  await setUp({ dev: true });
  if (!words.length) await check();
  const env = { ...runtimeEnvironment(process.platform), ...process.env };
  return foreground(
    process.execPath,
    [...TYPESCRIPT, ...['--test', '--test-concurrency=2', `--test-timeout=${FILE_LIMIT_MS}`, '--test-reporter=spec'], ...files],
    { env },
  );
});
