/**
 * `npm run check`: types, then how the code looks (prettier), what a linter finds (eslint.config.mjs), and that imports point down
 * (src/order.test.ts). `npm test` begins with it. `npm run format` writes what the second asks for.
 */
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run, setUp } from '../setup.mjs';
import { SetupError, TYPESCRIPT, capture, say, step } from './setup/system.mjs';

/** What each finds again on its second run is kept here. */
const CACHE = 'node_modules/.cache';

/** [name, what it prints where all is well, what to do where not, the program in node_modules and its arguments] */
const CHECKS = [
  ['types', 'no errors', 'see the lines above', 'typescript/bin/tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', `${CACHE}/tsc.tsbuildinfo`],
  // What runs in a browser sees other globals than what runs in Node.
  [
    'types of the studio',
    'no errors',
    'see the lines above',
    'typescript/bin/tsc',
    '-p',
    'studio',
    '--incremental',
    '--tsBuildInfoFile',
    `${CACHE}/tsc_studio.tsbuildinfo`,
  ],
  [
    'format',
    'as prettier writes it',
    '`npm run format` writes it',
    'prettier/bin/prettier.cjs',
    '--check',
    '--log-level',
    'warn',
    '--cache',
    '**/*.{ts,mjs,cjs,js}',
  ],
  [
    'lint',
    'nothing found',
    'see the lines above',
    'eslint/bin/eslint.js',
    '--max-warnings',
    '0',
    '--cache',
    '--cache-strategy',
    'content',
    '--cache-location',
    `${CACHE}/eslint`,
    '.',
  ],
  ['order', 'imports point down', 'an import of src points up, see src/order.test.ts', '', ...TYPESCRIPT, '--test', 'src/order.test.ts'],
];

/** All of them, one after the other. @throws {SetupError} at the end, with what to do, where some failed; what they printed stands above */
export async function check() {
  const failed = [];
  for (const [name, well, otherwise, program, ...args] of CHECKS) {
    await step(name, async () => {
      const { code, output } = await capture(process.execPath, [...(program ? [`node_modules/${program}`] : []), ...args]);
      if (code === 0) return well;
      say(output.trim());
      throw new SetupError(`${name} (${otherwise})`);
    }).catch((error) => {
      if (!(error instanceof SetupError)) throw error;
      failed.push(error.message);
    });
  }
  if (failed.length) throw new SetupError(`npm run check failed: ${failed.join(', ')}.`);
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await run(async () => {
    await setUp({ dev: true });
    await check();
    return 0;
  });
}
