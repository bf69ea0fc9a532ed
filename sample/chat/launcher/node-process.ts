import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

const STOP_TIMEOUT_MS = 10_000;
/** Delay before a restart, in which the page uses the other node, in milliseconds. */
const RESTART_DELAY_MS = 2_000;
const PROGRAM = new URL('../node/main.js', import.meta.url);

/** A node in its own process, which is restarted when it exits. */
export class NodeProcess {
  readonly #name: string;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #exited: Promise<string> = Promise.resolve('');
  #isStopping = false;

  constructor(name: string, env: NodeJS.ProcessEnv) {
    this.#name = name;
    this.#env = { ...process.env, ...env, INSTANCE: name };
  }

  /** Resolves when the node is ready; rejects if it exits before that. */
  async start(): Promise<void> {
    const child = fork(PROGRAM, { env: this.#env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
      child.once('error', ({ message }) => resolve(message));
    });
    const ready = new Promise((resolve) => void child.once('message', resolve));
    const failed = this.#exited.then((reason) => {
      throw new Error(`${this.#name} exited (${reason}, before it was ready)`);
    });
    await Promise.race([ready, failed]);
    void this.#exited.then((reason) => this.#restart(`${this.#name} exited (${reason})`));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  async #restart(reason: string): Promise<void> {
    if (this.#isStopping) return;
    console.error(`[start] ${reason}; restarting it in ${RESTART_DELAY_MS / 1_000} s`);
    await delay(RESTART_DELAY_MS);
    if (this.#isStopping) return;
    try {
      await this.start();
      console.error(`[start] ${this.#name} is running again`);
    } catch (error) {
      await this.#restart((error as Error).message);
    }
  }
}
