import { fork } from 'node:child_process';
import type { Ready } from '../process/run-service.js';

const STOP_TIMEOUT = 10_000;

/** A service of the sample in a process of its own. */
export interface Service {
  readonly name: string;
  /** Resolves when the service says that it is ready. */
  readonly ready: Promise<Ready>;
  /** Resolves to what ended it. */
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

export function startService(name: string, env: NodeJS.ProcessEnv): Service {
  const child = fork(new URL(`../${name}/main.js`, import.meta.url), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ready = new Promise<Ready>((resolve) => {
    child.once('message', (message) => resolve(message as Ready));
  });
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once('error', ({ message }) => resolve(message));
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT);
    await exited;
    clearTimeout(timer);
  };
  return { name, ready, exited, stop };
}
