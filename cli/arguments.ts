import type { Size } from '../src/data/types';
import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { UserError, excerpt } from '../src/common/errors';
import { fileSentence } from '../src/common/file_errors';

/** One option of a command, or one of its positional arguments. */
export type OptionSpec =
  | { type: 'flag'; help: string }
  | {
      type: 'string';
      help: string;
      default?: string;
      required?: boolean;
      choices?: readonly string[];
      /** What stands for the value in the help: DIR, FILE. */ value?: string;
    }
  | {
      type: 'number' | 'integer';
      help: string;
      default?: number;
      required?: boolean;
      choices?: readonly number[];
      min?: number;
      max?: number;
      value?: string;
    }
  | { type: 'list'; help: string; default?: readonly string[]; required?: boolean; value?: string };

/**
 * What a command takes. Names are written as on the command line, without the dashes: `input_path` is `--input_path`
 * (or `--input-path`).
 */
export interface CommandSpec<
  O extends Record<string, OptionSpec> = Record<string, OptionSpec>,
  P extends Record<string, PositionalSpec> = Record<string, PositionalSpec>,
> {
  /** As the user calls it: `npm run train --`. */
  name: string;
  description: string;
  options: O;
  /** Arguments without a name, in their order. */
  positionals?: P;
  /** Lines below the options in `--help`. */
  examples?: readonly string[];
}

export interface PositionalSpec {
  help: string;
  required?: boolean;
  /** A file or folder: relative to where the user stands. */
  path?: boolean;
}

type ValueOf<S extends OptionSpec> = S extends { type: 'flag' }
  ? boolean
  : S extends { type: 'list' }
    ? string[] | (S extends { default: readonly string[] } | { required: true } ? never : undefined)
    :
        | (S extends { choices: readonly (infer C)[] } ? C : S extends { type: 'string' } ? string : number)
        | (S extends { default: string | number } | { required: true } ? never : undefined);

/** The values of a command's options, typed by its table. */
export type Arguments<
  O extends Record<string, OptionSpec>,
  P extends Record<string, PositionalSpec> = Record<never, PositionalSpec>,
> = {
  -readonly [K in keyof O]: ValueOf<O[K]>;
} & { -readonly [K in keyof P]: string | (P[K] extends { required: true } ? never : undefined) };

/**
 * Parses `argv` (without node and the script). Throws a UserError for an unknown option (with the nearest known one), a
 * missing or ill-typed value. `--help` returns undefined after `print` has shown the help.
 */
export function parseArguments<
  const O extends Record<string, OptionSpec>,
  const P extends Record<string, PositionalSpec> = Record<never, PositionalSpec>,
>(
  spec: CommandSpec<O, P>,
  argv: readonly string[] = process.argv.slice(2),
  print: (text: string) => void = (text) => void process.stdout.write(text),
): Arguments<O, P> | undefined {
  const command = new Command(spec.name)
    .description(spec.description)
    .exitOverride()
    .allowExcessArguments(false)
    .helpOption('-h, --help', 'show this help')
    .configureOutput({ writeOut: print, writeErr: () => undefined });
  for (const [name, option] of Object.entries(spec.options)) command.addOption(toOption(name, option));
  for (const [name, { help, required }] of Object.entries<PositionalSpec>(spec.positionals ?? {}))
    command.argument(required ? `<${name}>` : `[${name}]`, help);
  if (spec.examples?.length)
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((e) => `  ${e}`).join('\n')}\n`);
  try {
    command.parse(underscored(argv, spec.options), { from: 'user' });
  } catch (e) {
    if (!(e instanceof CommanderError)) throw e;
    if (e.code === 'commander.helpDisplayed') return undefined;
    throw new UserError(sentence(e.message, spec.name), { cause: e });
  }
  const given = command.opts<Record<string, unknown>>();
  const values = Object.fromEntries(
    Object.entries(spec.options).map(([name, { type }]) => [
      name,
      type === 'flag' ? given[name] === true : given[name],
    ]),
  );
  const positional = Object.fromEntries(
    Object.keys(spec.positionals ?? {}).map((name, i) => [name, command.processedArgs[i] as unknown]),
  );
  for (const [name, option] of Object.entries(spec.options)) {
    if (command.getOptionValueSource(name) !== 'cli' || !('value' in option) || !PATHS.includes(option.value ?? '')) continue;
    values[name] = fromUser(values[name] as string);
  }
  for (const [name, { path }] of Object.entries<PositionalSpec>(spec.positionals ?? {}))
    if (path && typeof positional[name] === 'string') positional[name] = fromUser(positional[name] as string);
  return { ...values, ...positional } as Arguments<O, P>;
}

/** What stands for a file or folder in the help. */
const PATHS = ['DIR', 'FILE', 'PATH'];
/** Words that are no paths where one may stand. */
const WORDS = ['none', 'auto'];

/** npm runs scripts in the project's folder and says where the user stands; a relative path means the latter. */
function fromUser(path: string): string {
  const { INIT_CWD: stands, npm_package_json: project } = process.env;
  if (!stands || !project || WORDS.includes(path) || resolve(project, '..') !== process.cwd() || resolve(stands) === process.cwd()) return path;
  return resolve(stands, path);
}

/**
 * Runs a command: parses its options, calls `main`, and turns a UserError into its sentence on stderr and exit code 2
 * (with LGGAN_DEBUG=1 also the stack). Any other error is a fault of the program: stack and exit code 1.
 */
export async function runCommand<
  const O extends Record<string, OptionSpec>,
  const P extends Record<string, PositionalSpec> = Record<never, PositionalSpec>,
>(
  spec: CommandSpec<O, P>,
  main: (args: Arguments<O, P>) => Promise<void> | void,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  try {
    const args = parseArguments<O, P>(spec, argv);
    if (args) await main(args);
  } catch (e) {
    const sentence = e instanceof UserError ? e.message : fileSentence(e);
    if (sentence !== undefined) {
      process.stderr.write(`${process.env.LGGAN_DEBUG === '1' ? (e as Error).stack : sentence.split('\n').map((line) => excerpt(line, Infinity)).join('\n')}\n`);
      process.exitCode = 2;
    } else {
      process.stderr.write(`${e instanceof Error ? e.stack : String(e)}\n`);
      process.exitCode = 1;
    }
  }
}

/** `192x256` of `--image_size`, height first. @throws UserError */
export function parseSize(text: string): Size {
  const match = /^(\d+)x(\d+)$/.exec(text);
  if (!match) throw new UserError(`--image_size: expected HEIGHTxWIDTH such as 192x256, got '${text}'.`);
  return [Number(match[1]), Number(match[2])];
}

export interface Interrupt {
  /** Whether the user asked to stop: finish what cannot be cut, save, and return. */
  readonly requested: boolean;
  /** The same as a signal, for functions that take one. */
  readonly signal: AbortSignal;
  /** No longer listens. */
  dispose(): void;
}

/** A terminal and npm both pass the same Ctrl-C on; signals that arrive together are one wish. */
const SAME_WISH_MS = 500;

/**
 * Lets the current step finish when the process is told to stop: after the first SIGINT, SIGTERM or SIGHUP (the
 * terminal closes) `requested` is true and the exit code is set (130, 143, 129); a second one exits at once. `say` gets a sentence for the user.
 */
export function interruptible(
  say: (sentence: string) => void = (s) => void process.stderr.write(`\n${s}\n`),
): Interrupt {
  let first = -Infinity;
  const controller = new AbortController();
  const listener = (signal: NodeJS.Signals) => {
    const code = { SIGTERM: 143, SIGHUP: 129 }[signal as string] ?? 130;
    // The terminal is gone: what is written there must not end the run before it has saved.
    if (signal === 'SIGHUP') for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
    const now = performance.now();
    if (controller.signal.aborted) {
      if (now - first > SAME_WISH_MS) process.exit(code);
      return;
    }
    first = now;
    process.exitCode = code;
    controller.abort();
    say('Finishing this step and saving; once more stops at once.');
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  process.on('SIGHUP', listener);
  return {
    get requested() {
      return controller.signal.aborted;
    },
    signal: controller.signal,
    dispose() {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
      process.off('SIGHUP', listener);
    },
  };
}

function toOption(name: string, spec: OptionSpec): Option {
  if (spec.type === 'flag') return new Option(`--${name}`, spec.help);
  const value = spec.value ?? { string: 'TEXT', number: 'NUMBER', integer: 'N', list: 'TEXT' }[spec.type];
  const option = new Option(`--${name} <${value}${spec.type === 'list' ? '...' : ''}>`, spec.help);
  if (spec.default !== undefined) option.default(Array.isArray(spec.default) ? [...spec.default] : spec.default);
  if (spec.required) option.makeOptionMandatory();
  if (spec.type === 'string' && spec.choices) option.choices(spec.choices);
  if (spec.type === 'number' || spec.type === 'integer') {
    const allowed = spec.choices ? ` (${spec.choices.join(', ')})` : '';
    option.description += allowed;
    option.argParser((text) => toNumber(text, spec));
  }
  return option;
}

function toNumber(text: string, spec: Extract<OptionSpec, { type: 'number' | 'integer' }>): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.');
  if (spec.type === 'integer' && !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It is not a whole number.');
  if (spec.choices && !spec.choices.includes(value))
    throw new InvalidArgumentError(`It is none of ${spec.choices.join(', ')}.`);
  if (spec.min !== undefined && value < spec.min) throw new InvalidArgumentError(`It is below ${spec.min}.`);
  if (spec.max !== undefined && value > spec.max) throw new InvalidArgumentError(`It is above ${spec.max}.`);
  return value;
}

/** `--input-path` is `--input_path`. */
function underscored(argv: readonly string[], options: Record<string, OptionSpec>): string[] {
  const end = argv.indexOf('--');
  return argv.map((a, i) => {
    if (!a.startsWith('--') || (end >= 0 && i >= end)) return a;
    const [name] = a.slice(2).split('=', 1);
    const known = name.replaceAll('-', '_');
    return Object.hasOwn(options, known) ? `--${known}${a.slice(2 + name.length)}` : a;
  });
}

/** commander's "error: unknown option '--stge'\n(Did you mean --stage?)" as one line. */
function sentence(message: string, name: string): string {
  const text = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .trim()
    .replace(/([^.)?])$/, '$1.');
  return `${text[0].toUpperCase()}${text.slice(1)} ('${name} --help' lists what there is.)`;
}
