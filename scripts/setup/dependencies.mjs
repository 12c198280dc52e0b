/** node_modules as package-lock.json has them. */
import path from 'node:path';
import { SetupError, capture, readJson, root, step } from './system.mjs';
import { dependenciesMatch, explain } from './plan.mjs';

const lock = () => readJson(path.join(root, 'package-lock.json'));

/** npm writes this list last, and `npm ci` removes it first: an interrupted installation is seen. */
const installed = () => readJson(path.join(root, 'node_modules/.package-lock.json'));

export const dependenciesReady = () => dependenciesMatch(lock(), installed());

export async function installDependencies() {
  if (dependenciesReady()) return;
  await step('dependencies', async () => {
    // The npm that started us, if one did: a second one may lie on the PATH.
    const [command, ...first] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
    // Its own log level: `npm -s` would keep the reason of a failure to itself.
    const { code, output } = await capture(command, [...first, 'ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']);
    if (code !== 0) {
      const { message, passing } = explain('Installing the dependencies (npm ci)', output);
      throw new SetupError(message, passing);
    }
    return `${Object.keys(installed().packages).length} packages`;
  });
}
