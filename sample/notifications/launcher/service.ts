import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { isTraceMessage, type TraceMessage } from '../process/message-trace.js';
import type { Ready } from '../process/run-service.js';
import type { TracedMessage } from '../process/traced-message.js';

const STOP_TIMEOUT_MS = 10_000;
/** Delay before a restart, in which the page shows the outage, in milliseconds. */
const RESTART_DELAY_MS = 2_000;

export interface ServiceOptions {
  /** The folder of its program. */
  readonly name: string;
  readonly instance: string;
  readonly env: NodeJS.ProcessEnv;
  /** Called with each message through Redis that the service traces. */
  readonly onMessage: (traced: TracedMessage) => void;
}

/** A service of the sample in its own process, which is restarted when it exits. */
export class Service {
  readonly #name: string;
  readonly #instance: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #onMessage: (traced: TracedMessage) => void;
  #child: ChildProcess | undefined;
  #exited: Promise<string> | undefined;
  #isStopping = false;

  constructor({ name, instance, env, onMessage }: ServiceOptions) {
    this.#name = name;
    this.#instance = instance;
    this.#onMessage = onMessage;
    this.#env = { ...process.env, ...env, INSTANCE: instance };
  }

  /** Whether it shows the messages of all services. */
  get isGateway(): boolean {
    return this.#name === 'gateway';
  }

  /** The URL of its metrics and its health; `undefined` where these are off. */
  get monitoringUrl(): string | undefined {
    const { MONITORING_PORT: port } = this.#env;
    return port === undefined ? undefined : `http://localhost:${port}`;
  }

  /** Passes on a message of any service. */
  show(traced: TracedMessage): void {
    if (this.#child?.connected)
      this.#child.send({ traced } satisfies TraceMessage, () => undefined);
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
      child.on('message', (message) => {
        if (isTraceMessage(message)) this.#onMessage(message.traced);
        else resolve(message as Ready);
      });
    });
    this.#child = child;
    this.#exited = exited;
    const failed = exited.then((reason) => {
      throw new Error(`${reason}, before it was ready`);
    });
    const { port, monitoringPort } = await Promise.race([ready, failed]);
    void exited.then((reason) => this.#restart(reason));
    // A restart uses the same port, which clients already know.
    if (port !== undefined) this.#env.PORT = String(port);
    if (monitoringPort !== undefined) this.#env.MONITORING_PORT = String(monitoringPort);
    return { port, monitoringPort };
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
    try {
      await this.start();
      console.error(`[start] ${this.#instance} is running again`);
    } catch (error) {
      await this.#restart((error as Error).message);
    }
  }
}
