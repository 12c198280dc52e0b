/** Runs a command of cli: `node scripts/cli.mjs NAME ARGUMENTS...`; set-up first, which speaks only if it has work to do. */
import fs from 'node:fs';
import path from 'node:path';
import { run, setUp } from '../setup.mjs';
import { SetupError, TYPESCRIPT, foreground, readJson, root } from './setup/system.mjs';
import { runtimeEnvironment } from './setup/plan.mjs';

/** The folder in which the user stands, from which relative paths go: npm starts scripts in the project's and says where it was called. */
function standing() {
  const { INIT_CWD, npm_package_json: called } = process.env;
  const here = process.cwd();
  const byNpm = INIT_CWD && called === path.join(here, 'package.json') && fs.realpathSync(here) === fs.realpathSync(root);
  return byNpm ? INIT_CWD : here;
}

await run(async () => {
  const [name, ...args] = process.argv.slice(2);
  const file = path.join(root, 'cli', `${name}.ts`);
  if (!name || !fs.existsSync(file)) {
    const { scripts } = readJson(path.join(root, 'package.json'));
    const names = Object.keys(scripts).filter((script) => scripts[script].startsWith('node scripts/cli.mjs'));
    throw new SetupError(`There is no command ${name ?? ''}; there are: ${names.map((script) => `npm run ${script}`).join(', ')}.`);
  }
  await setUp();
  const env = { ...runtimeEnvironment(process.platform), ...process.env, LGGAN_STANDING: standing() };
  return foreground(process.execPath, [...TYPESCRIPT, file, ...args], { env });
});
