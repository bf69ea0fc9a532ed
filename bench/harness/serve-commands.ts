import { createBirpc } from 'birpc';

/** Lets the process that started this one call `commands`, until it disconnects. */
export function serveCommands(commands: object): void {
  createBirpc<object, object>(commands, {
    post: (message) => process.send?.(message),
    on: (receive) => process.on('message', receive),
  });
  process.on('disconnect', () => process.exit(0));
  // The parent process may have exited before this process was ready.
  if (!process.connected) process.exit(0);
}
