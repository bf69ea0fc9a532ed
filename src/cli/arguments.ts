import { parseArgs } from 'node:util';
import { nearestName } from '../shared/nearest-name.js';
import { printable } from '../shared/printable.js';
import { UsageError } from './usage-error.js';

/** One option of a command. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  /** Whether it may be given several times. */
  readonly multiple?: boolean;
  /** What stands for its value in the help, such as `URL`. */
  readonly value?: string;
  /** One line of the help. */
  readonly help: string;
}

/** The options of a command, by their names without `--`. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values of the options, as they were typed. */
export type OptionValues = Readonly<
  Record<string, string | boolean | readonly (string | boolean)[] | undefined>
>;

const MAX_SHOWN = 100;

/**
 * Reads the options of a command.
 *
 * @throws UsageError for an option that the command does not have, for a value that is missing, and for other words
 */
export function readOptions(args: readonly string[], specs: OptionSpecs): OptionValues {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  );
  assertKnown(args, specs);
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    // The message would quote a word, which may be a URL with a password.
    const isWord = (error as { code?: unknown }).code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL';
    if (isWord) throw new UsageError('Expected options only. Give the address with --url');
    throw new UsageError(shown((error as Error).message));
  }
}

/** The text of an option that may be given once. */
export function textOption(values: OptionValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** The texts of an option that may be given several times; `undefined` if it was not given. */
export function textsOption(values: OptionValues, name: string): readonly string[] | undefined {
  const value = values[name];
  return Array.isArray(value) ? (value as readonly string[]) : undefined;
}

/** @throws UsageError for a text that is no whole number of milliseconds of at least `least` */
export function millisecondsOption(
  values: OptionValues,
  name: string,
  { fallback, least }: { readonly fallback: number; readonly least: number },
): number {
  const text = textOption(values, name);
  if (text === undefined) return fallback;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least) return number;
  throw new UsageError(
    `Expected --${name} to be a number of milliseconds of at least ${least}, got "${shown(text)}"`,
  );
}

/** @throws UsageError for a word that is none of these, with the nearest of them */
export function assertOneOf(what: string, word: string, words: readonly string[]): void {
  if (words.includes(word)) return;
  const nearest = nearestName(word, words);
  const hint = nearest === undefined ? `one of ${words.join(', ')}` : `"${nearest}"`;
  const text = word.includes('://') ? 'that looks like a URL' : `"${shown(word)}"`;
  throw new UsageError(`Unknown ${what} ${text}. Did you mean ${hint}?`);
}

/** An option that was typed may hold a password: the error shows its name only. */
function assertKnown(args: readonly string[], specs: OptionSpecs): void {
  const { tokens } = parseArgs({ args: [...args], strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'option' && !Object.hasOwn(specs, token.name)) {
      const names = Object.keys(specs).map((name) => `--${name}`);
      assertOneOf('option', token.rawName, names);
    }
  }
}

function shown(text: string): string {
  return printable(text, MAX_SHOWN);
}
