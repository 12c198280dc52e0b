/**
 * Every command line that the README and the notes beside it show: on a copy of what git tracks, without anything that runs leave behind. The short
 * ones run as printed, on small inputs of the names that they give; of the others every option has to be one that the command's help knows.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { promisify } from 'node:util';
import { readJson, root } from './setup/system.mjs';

const { scripts } = readJson(path.join(root, 'package.json'));
const tracked = spawnSync('git', ['ls-files', '-z', '--cached'], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
const files = tracked.status === 0 ? tracked.stdout.split('\0').filter((file) => file && fs.existsSync(path.join(root, file))) : [];
const skip = files.length === 0 && 'git does not tell here which files are tracked';

/** Command lines of a text: in blocks, lines that begin with npm, continued after a backslash; and `npm ...` in a sentence. */
function commandLines(text) {
  const fences = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, language]) => /^(sh|bash|)$/.test(language));
  const blocks = fences.flatMap(([, , block]) => block.replace(/\\\n/g, ' ').split('\n'));
  const inline = [...text.replace(/^```.*?^```$/gms, '').matchAll(/`(npm [^`]+)`/g)].map(([, line]) => line.replace(/\s+/g, ' '));
  return [...blocks, ...inline].map((line) => line.replace(/\s#.*$/, '').trim()).filter((line) => /^npm (run|start|test)\b/.test(line));
}

/** Words as a shell has them: quotes hold together. */
const words = (line) => (line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));

/** {script, args}: `npm start -- x` is the script start. */
function parse(line) {
  const [, second, ...rest] = words(line);
  const script = second === 'run' ? rest.shift() : second;
  assert.ok(script in scripts, `${line}: package.json has no script ${script}`);
  const dashes = rest.indexOf('--');
  assert.ok(rest.length === 0 || dashes === 0, `${line}: arguments of a command stand behind --`);
  return { line, script, args: rest.slice(1) };
}

const DOCUMENTS = files.filter((file) => /^(README|CONTRIBUTING)\.md$|^(docs|checkpoints|datasets)\/.*\.md$/.test(file));
const lines = new Map(DOCUMENTS.flatMap((file) => commandLines(fs.readFileSync(path.join(root, file), 'utf8')).map((line) => [line, file])).reverse());

let copy;
before(() => {
  if (skip) return;
  copy = fs.mkdtempSync(path.join(os.tmpdir(), 'readme-'));
  for (const file of files.filter((f) => !/^notebooks\//.test(f))) {
    fs.mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    fs.copyFileSync(path.join(root, file), path.join(copy, file));
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'), 'junction');
});
after(() => copy && fs.rmSync(copy, { recursive: true, force: true }));

/** Commands that take seconds on small inputs, and when: a sentence may show a part of one. */
const SHORT = {
  generate: (args) => args.includes('--input_path') && args.includes('--output_path'),
  explore: (args) => args.includes('--labels'),
  'check-data': (args) => args.length > 0 && !args[0].startsWith('-'),
  figures: (args) => args.includes('--only') && !args.some((arg) => arg.includes('rcan') || arg.includes('ablation')),
};
/** A line with a gap, or with names that stand for anything. */
const isPattern = (args) => args.some((arg) => arg === '...' || /^[A-Z_]+$/.test(arg));

test('the README shows commands, and each is one of package.json', { skip }, () => {
  assert.ok([...lines].filter(([, file]) => file === 'README.md').length >= 5);
  for (const line of lines.keys()) parse(line);
});

test('short ones run as printed', { skip, timeout: 300_000 }, async (t) => {
  const chosen = [...lines.keys()].map(parse).filter(({ line, script, args }) => lines.get(line) === 'README.md' && SHORT[script]?.(args) && !isPattern(args));
  assert.ok(chosen.length >= 1);
  for (const { line, script, args } of chosen) {
    await t.test(line, () => {
      args.forEach((arg, i) => provide(arg, args[i - 1]));
      const { status, stdout, stderr } = spawnSync(process.execPath, [...program(script), ...args], { cwd: copy, encoding: 'utf8' });
      assert.equal(status, 0, stdout + stderr);
    });
  }
});

test('of the others the help knows every option', { skip, timeout: 300_000 }, async () => {
  const parsed = [...lines.keys()].map(parse).filter(({ script }) => scripts[script].startsWith('node scripts/cli.mjs'));
  const helps = new Map();
  const names = [...new Set(parsed.map(({ script }) => script))];
  // Two at a time, as tests run.
  await Promise.all(
    [0, 1].map(async (half) => {
      for (const name of names.filter((_, i) => i % 2 === half)) {
        const { stdout } = await promisify(execFile)(process.execPath, [...program(name), '--help'], { cwd: copy });
        helps.set(name, stdout);
      }
    }),
  );
  for (const { line, script, args } of parsed) {
    for (const option of args.filter((arg) => arg.startsWith('--'))) {
      assert.match(helps.get(script), new RegExp(`${option.replace(/=.*/, '')}\\b`), `${lines.get(line)}: ${line}`);
    }
  }
});

test('every switch of the environment stands in the table of CONTRIBUTING.md, and no other', { skip }, () => {
  const read = (file) => fs.readFileSync(path.join(root, file), 'utf8');
  const code = files.filter((file) => /\.(ts|mjs|cjs)$|^package\.json$/.test(file));
  const used = code.flatMap((file) => [...read(file).matchAll(/\benv\.(LGGAN_\w+)|"(LGGAN_\w+)=/g)].map(([, a, b]) => a ?? b));
  const told = [...read('CONTRIBUTING.md').matchAll(/^\| `(LGGAN_\w+)/gm)].map(([, name]) => name);
  assert.deepEqual([...new Set(used)].sort(), told.sort());
});

test('pictures that are shown are tracked, and what runs leave behind is ignored', { skip }, () => {
  for (const file of files.filter((f) => /^README\.md$|^docs\/.*\.md$|\.ipynb$/.test(f))) {
    for (const [, target] of fs.readFileSync(path.join(root, file), 'utf8').matchAll(/!\[[^\]]*\]\(([^):]+\.\w+)\)/g)) {
      assert.ok(files.includes(path.posix.join(path.posix.dirname(file), target)), `${file} shows ${target}`);
    }
  }
  const saved = files
    .filter((f) => f.endsWith('.ipynb'))
    .flatMap((file) => [...fs.readFileSync(path.join(root, file), 'utf8').matchAll(/'((?:figures|checkpoints|datasets)\/[\w/.]+)'/g)].map((m) => m[1]));
  assert.ok(saved.length > 5);
  const { stdout } = spawnSync('git', ['check-ignore', ...saved, 'results/a.jpg'], { cwd: root, encoding: 'utf8' });
  assert.deepEqual(
    [...new Set(saved)].filter((name) => !stdout.split('\n').includes(name)),
    [],
  );
  assert.ok(!files.some((file) => /^(figures|results)\//.test(file)));
});

/** What `scripts/cli.mjs` starts, without the set-up, which has tests of its own. */
const program = (script) => ['--require', './scripts/typescript.cjs', path.join('cli', `${scripts[script].split(' ')[2]}.ts`)];

/** What a command line reads by a name of its own: a trained network, label maps, pairs. */
function provide(arg, option = '') {
  const target = path.join(copy, arg);
  if (arg.startsWith('--') || /output_path|figure_path|only|json_path/.test(option) || !/[/_.]|^[a-z]+$/.test(arg) || fs.existsSync(target)) return;
  if (option.startsWith('--') && !/path|checkpoint|labels/.test(option)) return;
  if (/checkpoint/.test(option)) {
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.cpSync(path.join(root, 'checkpoints/pretrained', `${option.includes('sr') ? 'rcan' : 'lggan'}.safetensors`), target);
    return;
  }
  const painted = path.join(root, 'datasets/painted');
  const stems = fs
    .readdirSync(path.join(painted, 'labels'))
    .slice(0, 2)
    .map((name) => path.parse(name).name);
  if (/\.png$/.test(arg)) {
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.copyFileSync(path.join(painted, 'labels', `${stems[0]}.png`), target);
    return;
  }
  for (const [folder, ending] of [
    ['imgs', '.jpg'],
    ['labels', '.png'],
  ]) {
    fs.mkdirSync(path.join(target, folder), { recursive: true });
    for (const stem of stems) fs.copyFileSync(path.join(painted, folder, stem + ending), path.join(target, folder, stem + ending));
  }
}
