/**
 * The notebooks' kernel: tslab, started at the repository's root, with the project's TypeScript loaded through ts-node.
 * Jupyter starts it as `node scripts/kernel.cjs CONNECTION_FILE`.
 */
const path = require('node:path');
const { inspect } = require('node:util');

process.chdir(path.join(__dirname, '..'));
require('ts-node').register({ transpileOnly: true });

// tslab watches every source file, to compile it again when it changes, and its watching fails now and then where files are
// replaced ("Unexpected pending rebuildTimer", after which no cell runs). Node keeps modules anyway until the kernel restarts.
const compiler = require.resolve('@tslab/typescript-for-tslab', { paths: [path.dirname(require.resolve('tslab'))] });
const ts = require(compiler);
const unwatched = () => ({ close() {} });
ts.sys.watchFile = unwatched;
ts.sys.watchDirectory = unwatched;

// tslab also checks and compiles every project file that a cell imports, again in each kernel: 14 s where the types alone take 3.
// Cells are checked, against these types; project files are checked by `npx tsc` and loaded by ts-node.
const isCell = (file) => !file || file.fileName.endsWith('/__tslab__.ts');
const { createWatchProgram } = ts;
require.cache[compiler].exports = {
  ...ts,
  createWatchProgram(host) {
    const { afterProgramCreate } = host;
    host.afterProgramCreate = (builder) => {
      const program = builder.getProgram();
      for (const check of ['getSemanticDiagnostics', 'getSyntacticDiagnostics', 'getDeclarationDiagnostics']) {
        const original = program[check];
        program[check] = (file, ...rest) => (isCell(file) ? original.call(program, file, ...rest) : []);
      }
      const { emit } = builder;
      builder.emit = (file, ...rest) => (isCell(file) ? emit.call(builder, file, ...rest) : undefined);
      afterProgramCreate(builder);
    };
    return createWatchProgram(host);
  },
};

// When Jupyter is killed, its kernels end with it.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(), 2000).unref();

/** A failed cell in as few words as say what happened: a UserError is its sentence, of a bug's stack the project's own lines stay. */
function readable(error) {
  if (!(error instanceof Error)) return error;
  if (error.message === 'Interrupted asynchronously') return 'Interrupted; what the cell had begun may still run to its end.';
  if (error.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') return 'Interrupted.';
  const text = inspect(error);
  // The compiled code stands before the error, the kernel's own calls below it.
  const own = text.slice(Math.max(0, text.indexOf(String(error))));
  return own.replace(/\n +at .*(node_modules\/tslab\/|node:|evalmachine\.).*?(?=( \{)?(\n|$))/g, '');
}

// tslab takes the console's functions when it starts, and prints with them what a cell throws.
const { error: print } = console;
console.error = (...values) => print(...values.map(readable));
require('tslab/dist/main.js').startKernel({ configPath: process.argv[2], enableFindLocal: false });
console.error = print;
