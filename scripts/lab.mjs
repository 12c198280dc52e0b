/** `npm run lab`: JupyterLab on this machine only, with a token, rooted at the repository, the TypeScript kernel ready. */
import { run, setUp } from '../setup.mjs';
import { foreground, root } from './setup/system.mjs';
import { jupyter } from './setup/jupyter.mjs';

await run(async () => {
  await setUp({ notebooks: true });
  const asRoot = process.getuid?.() === 0 ? ['--allow-root'] : [];
  const given = process.argv.slice(2);
  // Jupyter takes no option twice: what the user gives stands in place of ours.
  const ours = ['--ip=127.0.0.1', `--ServerApp.root_dir=${root}`].filter((option) => !given.some((g) => g.startsWith(option.replace(/=.*/, '='))));
  return foreground(jupyter, ['lab', ...ours, ...asRoot, ...given]);
});
