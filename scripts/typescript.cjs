/**
 * With this Node loads TypeScript: `node --require ./scripts/typescript.cjs FILE`; commands, tests and notebooks all do. What became of a file is kept
 * in node_modules/.cache with a checksum of all that it depends on, so that the compiler itself is loaded only where a file has changed.
 */
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { SourceMap } = require('node:module');
const path = require('node:path');

const ROOT = path.join(__dirname, '..');
const CACHE = path.join(ROOT, 'node_modules/.cache/typescript');
const checksum = (text) => createHash('sha256').update(text).digest('hex');
const settings = ['tsconfig.json', 'node_modules/typescript/package.json'].map((file) => fs.readFileSync(path.join(ROOT, file), 'utf8')).join('\0');
/** Of the files that were loaded: the source map as JSON, read where a stack names the file. */
const maps = new Map();

/** What was kept under a name, if it is of this checksum. */
function kept(file, sum) {
  try {
    const { sum: found, ...result } = JSON.parse(fs.readFileSync(file, 'utf8'));
    return found === sum ? result : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all; where nothing can be written, the next start compiles again. */
function keep(file, entry) {
  const temporary = `${file}.${process.pid}`;
  try {
    fs.mkdirSync(CACHE, { recursive: true });
    fs.writeFileSync(temporary, JSON.stringify(entry));
    fs.renameSync(temporary, file);
  } catch {
    fs.rmSync(temporary, { force: true });
  }
}

/** Without a look at types. @throws SyntaxError that names the place */
function compile(source, fileName) {
  const ts = require('typescript');
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const compilerOptions = { ...ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT).options, noEmit: false, sourceMap: true };
  const { outputText, sourceMapText, diagnostics } = ts.transpileModule(source, { fileName, compilerOptions, reportDiagnostics: true });
  if (!diagnostics.length) return { outputText, sourceMapText };
  throw new SyntaxError(ts.formatDiagnostics(diagnostics, { getCurrentDirectory: () => '', getCanonicalFileName: (name) => name, getNewLine: () => '\n' }));
}

require.extensions['.ts'] = (module, fileName) => {
  const source = fs.readFileSync(fileName, 'utf8');
  // Copies of the project that share node_modules share what is kept.
  const file = path.join(CACHE, `${checksum(path.relative(ROOT, fileName))}.json`);
  const sum = checksum(`${settings}\0${source}`);
  let result = kept(file, sum);
  if (!result) {
    result = compile(source, fileName);
    keep(file, { sum, ...result });
  }
  maps.set(fileName, result.sourceMapText);
  module._compile(result.outputText, fileName);
};

/** Node would read every file's map when it loads the file, which takes as long as all else together. */
Error.prepareStackTrace = (error, calls) => {
  const places = calls.map((call) =>
    String(call).replace(/([^\s(]+\.ts):(\d+):(\d+)/, (place, file, line, column) => {
      if (!maps.has(file)) return place;
      const { originalLine, originalColumn } = new SourceMap(JSON.parse(maps.get(file))).findEntry(line - 1, column - 1);
      return originalLine === undefined ? place : `${file}:${originalLine + 1}:${originalColumn + 1}`;
    }),
  );
  return [String(error), ...places].join('\n    at ');
};
