import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ready } from '../process/run-service.js';

const STOP_TIMEOUT = 10_000;
/** So that one sees on the page what its absence means; ms. */
const RESTART_DELAY = 2_000;

/** A service of the sample in a process of its own, which is started again when it dies. */
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

  /** Resolves when the service says that it is ready; rejects when it ends before. */
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
    // Where it was once, it is found again.
    if (port !== undefined) this.#env.PORT = String(port);
    return { port };
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#kill(), STOP_TIMEOUT);
    await this.#exited;
    clearTimeout(timer);
  }

  #kill(): void {
    console.error(`[start] ${this.#instance} does not end; killing it`);
    this.#child?.kill('SIGKILL');
  }

  async #restart(reason: string): Promise<void> {
    if (this.#isStopping) return;
    console.error(`[start] ${this.#instance} ended (${reason}); starting it again`);
    await delay(RESTART_DELAY);
    if (this.#isStopping) return;
    await this.start().catch(({ message }: Error) => this.#restart(message));
  }
}
