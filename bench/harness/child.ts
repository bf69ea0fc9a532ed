import { createBirpc, type BirpcReturn } from 'birpc';
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Timeout of one command: a message that is lost must not block the run forever. */
const COMMAND_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 10_000;

/** The commands of another process, called over IPC. */
export type Remote<Commands extends object> = BirpcReturn<Commands>;

/** A process of the benchmark. */
export interface Child<Commands extends object> {
  readonly commands: Remote<Commands>;
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly nodeOptions?: readonly string[];
}

/** Starts a script that serves commands; see `serveCommands`. */
export function startChild<Commands extends object>(
  script: URL,
  { args = [], nodeOptions = [] }: ChildOptions = {},
): Child<Commands> {
  const child = fork(script, args, {
    execArgv: [...nodeOptions],
    // Structured clone, so that an error arrives as an Error.
    serialization: 'advanced',
    // stdout is for the report only.
    stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
  });
  const commands = createBirpc<Commands>(
    {},
    {
      post: (message) => child.send(message),
      on: (receive) => child.on('message', receive),
      timeout: COMMAND_TIMEOUT_MS,
    },
  );
  const exited = once(child, 'exit').then(([code, signal]) => {
    commands.$close(new Error(`${script.pathname} exited with ${signal ?? `code ${code}`}`));
  });
  return {
    commands,
    stop: async () => {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}
