/**
 * ts-node's transpiler with a memory: what TypeScript made of a file is kept in node_modules/.cache, with a checksum of all that it depends
 * on, so that loading `src` takes a second instead of five. tsconfig.json names it: commands, tests and notebooks all load through it.
 */
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { version } = require('typescript/package.json');

const CACHE = path.join(__dirname, '../node_modules/.cache/typescript');
const checksum = (text) => createHash('sha256').update(text).digest('hex');

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

/** @see https://typestrong.org/ts-node/docs/transpilers#writing-your-own-integration */
exports.create = ({ service }) => {
  const compilerOptions = service.config.options;
  const settings = `${version}\0${JSON.stringify(compilerOptions)}`;
  return {
    transpile(source, { fileName }) {
      const file = path.join(CACHE, `${checksum(fileName)}.json`);
      const sum = checksum(`${settings}\0${source}`);
      const found = kept(file, sum);
      if (found) return found;
      const { outputText, sourceMapText, diagnostics } = require('typescript').transpileModule(source, { fileName, compilerOptions, reportDiagnostics: true });
      if (!diagnostics.length) keep(file, { sum, outputText, sourceMapText });
      return { outputText, sourceMapText, diagnostics };
    },
  };
};
