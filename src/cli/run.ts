import { Logger } from '@nestjs/common';
import { messageOf } from '../errors.js';
import { ACL } from './acl.js';
import { assertOneOf, readOptions } from './arguments.js';
import { linesText, type Command, type CommandContext } from './command.js';
import { helpOf, helpOfCommand } from './help.js';
import { TOP } from './top/top.js';
import { NothingFoundError, UsageError } from './usage-error.js';

const COMMANDS: Readonly<Record<string, Command>> = { acl: ACL, top: TOP };

/** The codes that the process ends with. */
const EXIT = { done: 0, failed: 1, usage: 2, nothing: 3 } as const;

/** Runs a command line, without the name of the program. Resolves to the exit code. Never rejects. */
export async function run(
  args: readonly string[],
  context: CommandContext,
  version: () => string,
): Promise<number> {
  try {
    await runCommand(args, context, version);
    return EXIT.done;
  } catch (error) {
    context.stderr.write(`${textOfFailure(error)}\n`);
    if (error instanceof UsageError) return EXIT.usage;
    return error instanceof NothingFoundError ? EXIT.nothing : EXIT.failed;
  }
}

async function runCommand(
  [name = '--help', ...args]: readonly string[],
  context: CommandContext,
  version: () => string,
): Promise<void> {
  if (name === '--version') {
    context.stdout.write(`${version()}\n`);
    return;
  }
  if (name === '--help' || name === 'help') {
    context.stdout.write(linesText(helpOf(COMMANDS)));
    return;
  }
  assertOneOf('command', name, Object.keys(COMMANDS));
  const command = COMMANDS[name] as Command;
  const values = readOptions(args, command.options);
  if (values.help === true) {
    context.stdout.write(linesText(helpOfCommand(name, command)));
    return;
  }
  // Errors are reported by the commands. What else the connections log would be in the middle of their output.
  Logger.overrideLogger(false);
  await command.run(values, context);
}

function textOfFailure(error: unknown): string {
  const help = error instanceof UsageError ? '\nRun with --help to see what there is.' : '';
  return messageOf(error) + help;
}
