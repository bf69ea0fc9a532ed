import type { Environment } from './connection.js';
import type { OptionSpecs, OptionValues } from './arguments.js';
import type { TerminalInput, TerminalOutput } from './top/screen.js';

/** What a command has of its process. */
export interface CommandContext {
  readonly env: Environment;
  readonly stdin: TerminalInput;
  readonly stdout: TerminalOutput;
  readonly stderr: { write(text: string): unknown };
  /** Is aborted by the signals that end a process. */
  readonly signal: AbortSignal;
  /** Calls `listener` when the process exits, whatever the reason. Returns a function that removes it. */
  onExit(listener: () => void): () => void;
}

/** One command of the command line. */
export interface Command {
  /** One sentence of the help. */
  readonly summary: string;
  readonly options: OptionSpecs;
  /** Resolves when the command has ended. Rejects with a `UsageError`, a `NothingFoundError` or any other error. */
  run(values: OptionValues, context: CommandContext): Promise<void>;
}

/** Text with its ends of lines. */
export function linesText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** What a terminal may act on, or may not show. JSON itself escapes the first 32 characters alone. */
const ACTIVE = /[\p{C}\u2028\u2029]/gu;

/** A value as one line of JSON, in which no character acts on a terminal. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value).replaceAll(ACTIVE, escapeUnits)}\n`;
}

/** A character above 65,535 is two units in JSON. */
function escapeUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
