import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from '../src/common/errors';
import { TYPESCRIPT } from '../proof/testing/command';
import { parseArguments, runCommand } from './arguments';

const spec = {
  name: 'npm run train --',
  description: 'Trains the generator.',
  options: {
    stage: { type: 'integer', help: 'stage of the training', default: 1, choices: [1, 2] },
    input_path: { type: 'string', help: 'folder', required: true, value: 'DIR' },
    lr: { type: 'number', help: 'learning rate', default: 2e-4, min: 0 },
    use_sr: { type: 'flag', help: 'super-resolution' },
    engine: { type: 'string', help: 'engine', choices: ['native', 'wasm'] },
    classes: { type: 'list', help: 'names' },
  },
  positionals: { file: { help: 'a file' } },
  examples: ['npm run train -- --stage 1'],
} as const;
const parse = (...argv: string[]) => parseArguments(spec, argv)!;

test('values are typed by the table', () => {
  const args = parse('--input_path', 'a b', '--stage=2', '--use_sr', '--lr', '1e-3', 'x.pkl', '--classes', 'sky', 'sea');
  assert.deepEqual(args, {
    stage: 2,
    input_path: 'a b',
    lr: 1e-3,
    use_sr: true,
    engine: undefined,
    classes: ['sky', 'sea'],
    file: 'x.pkl',
  });
  // These lines do not compile if the types are not what they should be.
  const stage: 1 | 2 = args.stage;
  const path: string = args.input_path;
  const engine: 'native' | 'wasm' | undefined = args.engine;
  assert.ok(stage && path && engine === undefined);
  assert.deepEqual(parse('--input_path', 'a'), {
    stage: 1,
    input_path: 'a',
    lr: 2e-4,
    use_sr: false,
    engine: undefined,
    classes: undefined,
    file: undefined,
  });
  assert.equal(parse('--input-path=a-b=c').input_path, 'a-b=c');
  assert.equal(parse('--input_path', '-x').input_path, '-x');
});

test('what is wrong gets one sentence', () => {
  const wrong = (pattern: RegExp, ...argv: string[]) =>
    assert.throws(
      () => parse(...argv),
      (e) => e instanceof UserError && !e.message.includes('\n') && pattern.test(e.message),
      String(pattern),
    );
  wrong(/Unknown option '--stge' \(Did you mean --stage\?\)/, '--stge', '1', '--input_path', 'a');
  wrong(/Unknown option '--use-srr' \(Did you mean --use_sr\?\)/, '--input_path', 'a', '--use-srr');
  wrong(/Required option '--input_path <DIR>' not specified/);
  wrong(/'--stage <N>' argument '3' is invalid. It is none of 1, 2/, '--stage', '3', '--input_path', 'a');
  wrong(/'x' is invalid. It is not a number/, '--lr', 'x', '--input_path', 'a');
  wrong(/'' is invalid. It is not a number/, '--lr', '', '--input_path', 'a');
  wrong(/'1.5' is invalid. It is not a whole number/, '--stage', '1.5', '--input_path', 'a');
  wrong(/'-1' is invalid. It is below 0/, '--lr', '-1', '--input_path', 'a');
  wrong(/Allowed choices are native, wasm/, '--engine', 'gpu', '--input_path', 'a');
  wrong(/'--input_path <DIR>' argument missing/, '--input_path');
  wrong(/Too many arguments/, '--input_path', 'a', 'b', 'c');
});

test('a value of an option presets others, which the command line overrides', () => {
  const presets = { engine: { native: { lr: 0.5, use_sr: true }, wasm: { stage: 2 } } } as const;
  const { lr, use_sr, stage } = parseArguments({ ...spec, presets }, ['--input_path', 'a', '--engine', 'native'])!;
  assert.deepEqual([lr, use_sr, stage], [0.5, true, 1]);
  const own = parseArguments({ ...spec, presets }, ['--lr', '0.25', '--input_path', 'a', '--engine', 'native'])!;
  assert.deepEqual([own.lr, own.use_sr], [0.25, true]);
  assert.deepEqual(parseArguments({ ...spec, presets }, ['--input_path', 'a', '--engine', 'wasm'])!.stage, 2);
  assert.deepEqual(parseArguments({ ...spec, presets }, ['--input_path', 'a'])!, parse('--input_path', 'a'));
});

test('help shows the table and parses nothing', () => {
  let text = '';
  assert.equal(
    parseArguments(spec, ['--help'], (t) => (text += t)),
    undefined,
  );
  for (const part of ['npm run train --', '--input_path <DIR>', '(default: 1)', '(1, 2)', 'choices: "native", "wasm"', 'Examples:'])
    assert.ok(text.includes(part), part);
});

const folder = mkdtempSync(join(tmpdir(), 'arguments-'));
after(() => rmSync(folder, { recursive: true }));
const cwd = join(__dirname, '..');
function script(body: string): string {
  const file = join(folder, 'command.js');
  writeFileSync(
    file,
    `const { runCommand } = require(${JSON.stringify(join(__dirname, 'arguments.ts'))});\nconst { interruptible } = require(${JSON.stringify(join(__dirname, '..', 'src', 'common', 'interrupt.ts'))});\nconst { UserError } = require(${JSON.stringify(join(__dirname, '..', 'src', 'common', 'errors.ts'))});\n${body}`,
  );
  return file;
}

test('a mistake of the user is one sentence and exit code 2, a fault of the program has its stack and code 1', () => {
  const file = script(
    `runCommand({ name: 'x', description: '', options: { bug: { type: 'flag', help: '' } } }, async (args) => { if (args.bug) null.x; throw new UserError('The file is gone.'); });`,
  );
  const run = (argv: string[], env = {}) =>
    spawnSync(process.execPath, [...TYPESCRIPT, file, ...argv], { cwd, encoding: 'utf8', env: { ...process.env, ...env } });
  const user = run([]);
  assert.equal(user.stderr, 'The file is gone.\n');
  assert.equal(user.status, 2);
  assert.match(run([], { LGGAN_DEBUG: '1' }).stderr, /The file is gone\.\n\s+at /);
  const bug = run(['--bug']);
  assert.equal(bug.status, 1);
  assert.match(bug.stderr, /TypeError.*\n\s+at /);
  const unknown = run(['--bgu']);
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /^Unknown option '--bgu' \(Did you mean --bug\?\)/);
});

test('what the file system refuses is one sentence with the path', async (t) => {
  const file = join(folder, 'a-file');
  writeFileSync(file, '');
  let said = '';
  t.mock.method(process.stderr, 'write', (text: string) => (said = text) !== '');
  const code = process.exitCode;
  const refused = async (act: () => void, sentence: RegExp) => {
    said = '';
    await runCommand({ name: 'x', description: '', options: {} }, act, []);
    const status = process.exitCode;
    process.exitCode = code;
    assert.equal(status, 2, said);
    assert.match(said, sentence);
    assert.ok(!/\n./.test(said), said);
  };
  await refused(() => void mkdirSync(file, { recursive: true }), /a-file: a file of this name stands in its place/);
  await refused(() => void mkdirSync(join(file, 'x'), { recursive: true }), /a-file.*: a part of its path is a file/);
  await refused(() => writeFileSync(folder, ''), /: a folder of this name exists/);
  await refused(() => {
    throw new Error('Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[9]');
  }, /^The memory does not suffice: take a smaller batch/);
  await refused(() => writeFileSync(join(folder, 'n'.repeat(300)), ''), /nnn: the name is too long/);
  for (const [errno, sentence] of [
    ['EROFS', /read-only/],
    ['EACCES', /may not be read or written/],
    ['ENOSPC', /disk is full/],
    ['EMFILE', /ulimit/],
  ] as const) {
    await refused(
      () => {
        throw Object.assign(new Error(errno), { code: errno, syscall: 'open', path: '/x/y' });
      },
      new RegExp(`/x/y: .*${sentence.source}`),
    );
  }
});

test('relative paths start where the user stands, defaults in the project', (t) => {
  process.env.LGGAN_STANDING = folder;
  t.after(() => delete process.env.LGGAN_STANDING);
  const paths = {
    name: 'x',
    description: '',
    options: {
      to: { type: 'string', value: 'DIR', help: '', default: 'checkpoints/x' },
      vgg: { type: 'string', value: 'PATH', words: ['none'], help: '' },
      from: { type: 'string', value: 'DIR|URL', help: '' },
      files: { type: 'list', value: 'FILE', help: '' },
      name: { type: 'string', help: '' },
    },
    positionals: { dir: { help: '', path: true }, what: { help: '' } },
  } as const;
  assert.deepEqual(parseArguments(paths, ['set', 'b', '--vgg', 'none', '--files', 'a', '/b', '--from', 'http://x/y', '--name', 'n']), {
    to: 'checkpoints/x',
    vgg: 'none',
    from: 'http://x/y',
    files: [join(folder, 'a'), '/b'],
    name: 'n',
    dir: join(folder, 'set'),
    what: 'b',
  });
  process.env.LGGAN_STANDING = process.cwd();
  assert.equal(parseArguments(paths, ['../set'])?.dir, '../set');
});

test('from another folder, through npm, check-data finds what stands there', () => {
  // What npm sets: it starts scripts in the project's folder.
  const env = { ...process.env, INIT_CWD: folder, npm_package_json: join(cwd, 'package.json') };
  const run = spawnSync(process.execPath, ['scripts/cli.mjs', 'check_data', 'nothing-here'], { cwd, encoding: 'utf8', env });
  assert.equal(run.status, 2, run.stderr);
  assert.match(run.stderr, /^nothing-here: there is no such folder/m);
  mkdirSync(join(folder, 'here'));
  const found = spawnSync(process.execPath, ['scripts/cli.mjs', 'check_data', 'here'], { cwd, encoding: 'utf8', env });
  assert.doesNotMatch(found.stderr, /no such folder: here|here: there is no such folder/);
});

test('a first signal lets the step finish, a second one does not', async () => {
  const file = script(`
    const stop = interruptible();
    (async () => {
      console.log('ready');
      while (!stop.requested) await new Promise((r) => setTimeout(r, 10));
      await new Promise((r) => setTimeout(r, +process.argv[2]));
      console.log('saved');
    })();`);
  const run = async (signals: [NodeJS.Signals, number][], saving: number) => {
    const child = spawn(process.execPath, [...TYPESCRIPT, file, String(saving)], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await new Promise<void>((resolve) =>
      child.stdout.on('data', (d) => {
        out += d;
        resolve();
      }),
    );
    for (const [signal, wait] of signals) {
      child.kill(signal);
      await new Promise((r) => setTimeout(r, wait));
    }
    return { code: await exit, saved: out.includes('saved') };
  };
  const [hup, int, term, together, twice] = await Promise.all([
    // The terminal closes: the shell says so, npm passes it on later, and nobody reads.
    run(
      [
        ['SIGHUP', 700],
        ['SIGHUP', 0],
      ],
      900,
    ),
    run([['SIGINT', 0]], 50),
    run([['SIGTERM', 0]], 50),
    // npm passes on what the terminal has sent already.
    run(
      [
        ['SIGINT', 20],
        ['SIGINT', 0],
      ],
      200,
    ),
    run(
      [
        ['SIGINT', 700],
        ['SIGTERM', 0],
      ],
      60000,
    ),
  ]);
  assert.deepEqual(hup, { code: 129, saved: true });
  assert.deepEqual(int, { code: 130, saved: true });
  assert.deepEqual(term, { code: 143, saved: true });
  assert.deepEqual(together, { code: 130, saved: true });
  assert.deepEqual(twice, { code: 143, saved: false });
});
