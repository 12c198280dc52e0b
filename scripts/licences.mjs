/**
 * `npm run licences`: the licence of every package of the lock file, by licence; `npm run licences -- --json` as JSON. What the lock file
 * does not say is looked up in node_modules.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const readJson = (file) => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'));

/** The licence that an installed package states: a field in one of its historical forms, else the title of its licence file. */
function stated(folder) {
  try {
    const { license, licenses } = readJson(path.join(folder, 'package.json'));
    const field = license ?? licenses;
    const text = [field]
      .flat()
      .map((l) => (typeof l === 'string' ? l : l?.type))
      .filter(Boolean)
      .join(' OR ');
    if (text) return text;
    const file = fs.readdirSync(path.join(root, folder)).find((name) => /^licen[cs]e/i.test(name));
    const title =
      file &&
      fs
        .readFileSync(path.join(root, folder, file), 'utf8')
        .trim()
        .split('\n')[0]
        .slice(0, 60);
    return title ? `${title} (its file)` : undefined;
  } catch {
    return undefined;
  }
}

/** @returns {{name: string, version: string, licence: string, direct: boolean}[]} */
export function licences() {
  const { packages } = readJson('package-lock.json');
  const { dependencies = {}, devDependencies = {}, optionalDependencies = {} } = packages[''];
  const direct = new Set(Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).map((name) => `node_modules/${name}`));
  return Object.entries(packages)
    .filter(([folder]) => folder !== '')
    .map(([folder, { name, version, license }]) => ({
      name: name ?? folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      licence: license && !/^SEE LICENSE/.test(license) ? license : (stated(folder) ?? license ?? 'not stated'),
      direct: direct.has(folder),
    }));
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const all = licences();
  if (process.argv.includes('--json')) console.log(JSON.stringify(all, null, 1));
  else {
    const groups = new Map();
    for (const p of all) groups.set(p.licence, [...(groups.get(p.licence) ?? []), p]);
    for (const [licence, list] of [...groups].sort((a, b) => b[1].length - a[1].length)) {
      const names = [...new Set(list.map(({ name, version }) => `${name}@${version}`))].sort();
      console.log(`${licence} (${names.length})\n  ${names.join(', ')}`);
    }
    console.log(`${all.length} packages, ${all.filter((p) => p.direct).length} of them direct (docs/dependencies.md says what for).`);
  }
}
