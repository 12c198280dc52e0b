import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { explainAny } from '../src/common/atomic';
import { UserError, excerpt } from '../src/common/errors';
import type { Size } from '../src/data/types';
import { asOptions } from './field_names';

/** One option of a command, or one of its positional arguments. */
export type OptionSpec =
  | { type: 'flag'; help: string }
  | {
      type: 'string';
      help: string;
      default?: string;
      required?: boolean;
      choices?: readonly string[];
      /** What stands for the value in the help. DIR, FILE, PATH and SCRIPT are paths, see `standing`. */ value?: string;
      /** Values of a path that are none, such as 'none'. */ words?: readonly string[];
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
  /** Fields of the functions behind the command whose options have another name: `{ minHeight: 'crop_min' }`. */
  fields?: Readonly<Record<string, string>>;
  /** What a value of an option sets where the command line does not say otherwise: `{ recipe: { pretrained: { ndf: 24 } } }`. */
  presets?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>>>;
}

export interface PositionalSpec {
  help: string;
  required?: boolean;
  /** See `standing`. */
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
export type Arguments<O extends Record<string, OptionSpec>, P extends Record<string, PositionalSpec> = Record<never, PositionalSpec>> = {
  -readonly [K in keyof O]: ValueOf<O[K]>;
} & { -readonly [K in keyof P]: string | (P[K] extends { required: true } ? never : undefined) };

/**
 * Parses `argv` (without node and the script). Throws a UserError for an unknown option (with the nearest known one), a
 * missing or ill-typed value. `--help` returns undefined after `print` has shown the help.
 */
export function parseArguments<const O extends Record<string, OptionSpec>, const P extends Record<string, PositionalSpec> = Record<never, PositionalSpec>>(
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
  for (const [name, { help, required }] of Object.entries<PositionalSpec>(spec.positionals ?? {})) command.argument(required ? `<${name}>` : `[${name}]`, help);
  if (spec.examples?.length) command.addHelpText('after', `\nExamples:\n${spec.examples.map((e) => `  ${e}`).join('\n')}\n`);
  try {
    command.parse(underscored(argv, spec.options), { from: 'user' });
  } catch (e) {
    if (!(e instanceof CommanderError)) throw e;
    if (e.code === 'commander.helpDisplayed') return undefined;
    throw new UserError(sentence(e.message, spec.name), { cause: e });
  }
  for (const [option, presets] of Object.entries(spec.presets ?? {})) {
    for (const [name, value] of Object.entries(presets[String(command.getOptionValue(option))] ?? {})) {
      if (command.getOptionValueSource(name) !== 'cli') command.setOptionValueWithSource(name, value, 'default');
    }
  }
  const given = command.opts<Record<string, unknown>>();
  const values = Object.fromEntries(
    Object.entries(spec.options).map(([name, option]) => {
      if (option.type === 'flag') return [name, given[name] === true];
      const typed = command.getOptionValueSource(name) !== 'default' && isPath(option);
      return [name, typed ? fromStanding(given[name], option.type === 'string' ? option.words : []) : given[name]];
    }),
  );
  const positional = Object.fromEntries(
    Object.entries<PositionalSpec>(spec.positionals ?? {}).map(([name, { path }], i) => {
      const value = command.processedArgs[i] as unknown;
      return [name, path ? fromStanding(value) : value];
    }),
  );
  return { ...values, ...positional } as Arguments<O, P>;
}

/** Resolved paths, and how the user wrote them. */
const written = new Map<string, string>();

const isPath = ({ type, ...option }: OptionSpec) =>
  (type === 'string' || type === 'list') && /^(DIR|FILE|PATH|SCRIPT|DIR\|URL)$/.test((option as { value?: string }).value ?? '');

/**
 * A path as the user meant it. npm runs commands in the project's folder, wherever the user stands; scripts/cli.mjs tells where that is
 * (LGGAN_STANDING). Paths that were not typed, the defaults, are the project's.
 */
function fromStanding(value: unknown, words: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map((v: unknown) => fromStanding(v, words));
  const standing = process.env.LGGAN_STANDING;
  if (typeof value !== 'string' || value === '' || !standing || words.includes(value) || value.includes('://')) return value;
  const path = resolve(standing, value);
  if (path === resolve(value) || path === value) return value;
  written.set(path, value);
  return path;
}

/** A message with the paths as the user wrote them. */
function asWritten(message: string): string {
  const longestFirst = [...written].sort(([a], [b]) => b.length - a.length);
  return longestFirst.reduce((text, [path, typed]) => text.replaceAll(path, typed), message);
}

/**
 * Runs a command: parses its options, calls `main`, and turns a UserError into its sentence on stderr and exit code 2
 * (with LGGAN_DEBUG=1 also the stack), with the command's options in place of the fields of functions. What the file system refuses
 * is a UserError too. Any other error is a fault of the program: stack and exit code 1.
 */
export async function runCommand<const O extends Record<string, OptionSpec>, const P extends Record<string, PositionalSpec> = Record<never, PositionalSpec>>(
  spec: CommandSpec<O, P>,
  main: (args: Arguments<O, P>) => Promise<void> | void,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  try {
    const args = parseArguments<O, P>(spec, argv);
    // Paths that this command hands to others are resolved.
    delete process.env.LGGAN_STANDING;
    if (args) await main(args);
  } catch (thrown) {
    const e = explainAny(thrown);
    if (e instanceof UserError) {
      const message = asOptions(asWritten(e.message), spec.options, spec.fields);
      process.stderr.write(
        `${
          process.env.LGGAN_DEBUG === '1'
            ? e.stack
            : message
                .split('\n')
                .map((line) => excerpt(line, Infinity))
                .join('\n')
        }\n`,
      );
      process.exitCode = 2;
    } else {
      process.stderr.write(`${e instanceof Error ? e.stack : String(e)}\n`);
      process.exitCode = 1;
    }
  }
}

/** `192x256` of an option, height first. @throws UserError */
export function parseSize(text: string, option?: string): Size;
export function parseSize(text: string | undefined, option?: string): Size | undefined;
export function parseSize(text: string | undefined, option = '--image_size'): Size | undefined {
  if (text === undefined) return undefined;
  const match = /^([1-9]\d*)x([1-9]\d*)$/.exec(text);
  if (!match) throw new UserError(`${option}: expected HEIGHTxWIDTH such as 192x256, got '${text}'.`);
  return [Number(match[1]), Number(match[2])];
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
  if (spec.type === 'integer' && !Number.isSafeInteger(value)) throw new InvalidArgumentError('It is not a whole number.');
  if (spec.choices && !spec.choices.includes(value)) throw new InvalidArgumentError(`It is none of ${spec.choices.join(', ')}.`);
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
