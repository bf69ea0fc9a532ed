import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ready } from '../process/run-service.js';

const STOP_TIMEOUT_MS = 10_000;
/** Delay before a restart, in which the page shows the outage, in milliseconds. */
const RESTART_DELAY_MS = 2_000;

/** A service of the sample in its own process, which is restarted when it exits. */
export class Service {
  readonly #name: string;
  readonly #instance: string;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #exited: Promise<string> | undefined;
  #isStopping = false;

  constructor(name: string, instance: string, env: NodeJS.ProcessEnv) {
    this.#name = name;
    this.#instance = instance;
    this.#env = { ...process.env, ...env, INSTANCE: instance };
  }

  /** Resolves when the service reports that it is ready; rejects if it exits before that. */
  async start(): Promise<Ready> {
    const child = fork(new URL(`../${this.#name}/main.js`, import.meta.url), {
      env: this.#env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const exited = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
      child.once('error', ({ message }) => resolve(message));
    });
    const ready = new Promise<Ready>((resolve) => {
      child.once('message', (message) => resolve(message as Ready));
    });
    this.#child = child;
    this.#exited = exited;
    const failed = exited.then((reason) => {
      throw new Error(`${reason}, before it was ready`);
    });
    const { port } = await Promise.race([ready, failed]);
    void exited.then((reason) => this.#restart(reason));
    // A restart uses the same port, which clients already know.
    if (port !== undefined) this.#env.PORT = String(port);
    return { port };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#kill(), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #kill(): void {
    const seconds = STOP_TIMEOUT_MS / 1_000;
    console.error(`[start] ${this.#instance} did not exit within ${seconds} s; killing it`);
    this.#child?.kill('SIGKILL');
  }

  async #restart(reason: string): Promise<void> {
    if (this.#isStopping) return;
    const seconds = RESTART_DELAY_MS / 1_000;
    console.error(`[start] ${this.#instance} exited (${reason}); restarting it in ${seconds} s`);
    await delay(RESTART_DELAY_MS);
    if (this.#isStopping) return;
    await this.start().catch(({ message }: Error) => this.#restart(message));
  }
}
