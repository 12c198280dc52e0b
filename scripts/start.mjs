/**
 * `npm start`: set-up, then the notebooks in order, headless, with progress; at the end the results and where everything is.
 * `npm start -- train_lggan evaluate` runs chosen ones. LGGAN_TOY=1 makes them run at toy size.
 * `npm start -- --inplace` writes the outputs into notebooks/ (to commit them) instead of figures/notebooks/.
 */
import fs from 'node:fs';
import path from 'node:path';
import { run, setUp } from '../setup.mjs';
import { SetupError, foreground, root, say, seconds } from './setup/system.mjs';
import { runtimeEnvironment } from './setup/plan.mjs';
import { venvPython } from './setup/jupyter.mjs';

const NOTEBOOKS = ['split_dataset', 'construct_sr_dataset', 'train_lggan', 'train_rcan', 'evaluate'];
const EXECUTED = 'figures/notebooks';

await run(async () => {
  const args = process.argv.slice(2);
  const inplace = args.includes('--inplace');
  const names = args.filter((arg) => arg !== '--inplace').map((arg) => path.basename(arg, '.ipynb'));
  const unknown = names.find((name) => !NOTEBOOKS.includes(name));
  if (unknown) throw new SetupError(`There is no notebook ${unknown}; there are: ${NOTEBOOKS.join(', ')}.`);
  const chosen = NOTEBOOKS.filter((name) => !names.length || names.includes(name)).map((name) => `notebooks/${name}.ipynb`);
  const missing = chosen.find((file) => !fs.existsSync(path.join(root, file)));
  if (missing) throw new SetupError(`${missing} is missing; \`git checkout notebooks\` brings it back.`);

  await setUp({ notebooks: true });
  const started = Date.now();
  const env = { ...runtimeEnvironment(process.platform), ...process.env, PYTHONUNBUFFERED: '1' };
  const code = await foreground(venvPython, ['scripts/run_notebooks.py', inplace ? '--inplace' : EXECUTED, ...chosen], { env });
  if (code !== 0) return code;

  const results = path.join(root, 'figures/results.md');
  if (fs.existsSync(results)) {
    const age = fs.statSync(results).mtimeMs < started ? ' (of an earlier run)' : '';
    console.log(`\nResults${age}:\n\n${fs.readFileSync(results, 'utf8').trim()}\n`);
  }
  say(`Done in ${seconds(started)}. Executed notebooks: ${inplace ? 'notebooks' : EXECUTED}/; figures: figures/; checkpoints: checkpoints/`);
  return 0;
});
