/**
 * The notebooks' kernel: tslab, started at the repository's root, with the project's TypeScript loaded through ts-node.
 * Jupyter starts it as `node scripts/kernel.cjs CONNECTION_FILE`.
 */
const path = require('node:path');

process.chdir(path.join(__dirname, '..'));
require('ts-node').register({ transpileOnly: true });

// tslab runs its own copies of imported project files, which knows no folders (`./src`) nor cyclic imports, and makes
// a second copy of each module: leave them to ts-node. Cells and imports are still type-checked.
const converter = require('tslab/dist/converter.js');
const createConverter = converter.createConverter;
converter.createConverter = (options) => {
  const made = createConverter(options);
  const convert = made.convert;
  made.convert = (...args) => ({ ...convert(...args), sideOutputs: undefined });
  return made;
};

// When Jupyter is killed, its kernels end with it.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(), 2000).unref();

require('tslab/dist/main.js').startKernel({ configPath: process.argv[2], enableFindLocal: false });
