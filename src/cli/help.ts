import type { OptionSpec } from './arguments.js';
import type { Command } from './command.js';

const NAME = 'nestjs-redis-pubsub';
const EXIT_CODES = [
  'Exit codes: 0 done, 1 Redis refused or cannot be reached, 2 wrong usage, 3 nothing found.',
  '130 and 143: ended by Ctrl-C or by SIGTERM.',
];

/** The help of the command line. */
export function helpOf(commands: Readonly<Record<string, Command>>): string[] {
  const rows = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return [
    `Usage: ${NAME} <command> [options]`,
    '',
    ...aligned(rows),
    '',
    `${NAME} <command> --help lists the options of a command.`,
    '--version prints the version.',
    '',
    ...EXIT_CODES,
  ];
}

/** The help of one command. */
export function helpOfCommand(name: string, { summary, options }: Command): string[] {
  const rows = Object.entries(options).map(
    ([option, spec]) => [optionText(option, spec), spec.help] as const,
  );
  return [`Usage: ${NAME} ${name} [options]`, '', summary, '', ...aligned(rows), '', ...EXIT_CODES];
}

function optionText(name: string, { value, multiple }: OptionSpec): string {
  return `--${name}${value === undefined ? '' : ` ${value}`}${multiple ? ' …' : ''}`;
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
}
