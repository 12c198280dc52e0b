/**
 * The notebooks' kernel: tslab, started at the repository's root, with the project's TypeScript.
 * Jupyter starts it as `node scripts/kernel.cjs CONNECTION_FILE`.
 */
const path = require('node:path');
const { inspect } = require('node:util');

process.chdir(path.join(__dirname, '..'));
require('./typescript.cjs');

// tslab watches every source file, to compile it again when it changes, and its watching fails now and then where files are
// replaced ("Unexpected pending rebuildTimer", after which no cell runs). Node keeps modules anyway until the kernel restarts.
const compiler = require.resolve('@tslab/typescript-for-tslab', { paths: [path.dirname(require.resolve('tslab'))] });
const ts = require(compiler);
const unwatched = () => ({ close() {} });
ts.sys.watchFile = unwatched;
ts.sys.watchDirectory = unwatched;

const isCell = (file) => !file || file.fileName.endsWith('/__tslab__.ts');
const isShort = (node) => node !== undefined && ts.isShorthandPropertyAssignment(node) && !node.objectAssignmentInitializer;

/** tslab checks and compiles every project file that a cell imports, again in each kernel: 14 s where the types alone take 3. Cells are
 *  checked, against these types; project files are checked by `npx tsc` and loaded as everywhere (typescript.cjs). */
function cellsOnly(builder) {
  const program = builder.getProgram();
  for (const check of ['getSemanticDiagnostics', 'getSyntacticDiagnostics', 'getDeclarationDiagnostics']) {
    const original = program[check];
    program[check] = (file, ...rest) => (isCell(file) ? original.call(program, file, ...rest) : []);
  }
  const { emit } = builder;
  builder.emit = (file, ...rest) => (isCell(file) ? emit.call(builder, file, ...rest) : undefined);
}

/** tslab finds no variable of an earlier cell in `{ photos }`: here its checker does, and `visitEachChild` below writes `{ photos: photos }`. */
function findShortProperties(builder) {
  const checker = builder.getProgram().getTypeChecker();
  const { getSymbolAtLocation } = checker;
  checker.getSymbolAtLocation = (node) => (isShort(node.parent) ? checker.getShorthandAssignmentValueSymbol(node.parent) : getSymbolAtLocation(node));
}

require.cache[compiler].exports = {
  ...ts,
  createWatchProgram(host) {
    const { afterProgramCreate } = host;
    host.afterProgramCreate = (builder) => {
      cellsOnly(builder);
      findShortProperties(builder);
      afterProgramCreate(builder);
    };
    return ts.createWatchProgram(host);
  },
  visitEachChild(node, visit, context) {
    if (visit.name !== 'wrapPrevIdentifier' || !isShort(node)) return ts.visitEachChild(node, visit, context);
    const value = visit(node.name);
    return value === node.name ? node : ts.factory.createPropertyAssignment(ts.factory.createIdentifier(node.name.text), value);
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
  return own.replace(/\n +at .*(node_modules\/tslab\/|node:|evalmachine\.|<anonymous>\)).*?(?=( \{)?(\n|$))/g, '');
}

// tslab takes the console's functions when it starts, and prints with them what a cell throws.
const { error: print } = console;
console.error = (...values) => print(...values.map(readable));
require('tslab/dist/main.js').startKernel({ configPath: process.argv[2], enableFindLocal: false });
console.error = print;
