import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Ready } from '../process/run-service.js';
import type { ProcessUsage } from './process-usage.js';

const STOP_TIMEOUT = 10_000;

/** A gateway to be measured. One that dies is not started again, as the launcher would: it failed. */
export class GatewayProcess {
  readonly #child: ChildProcess;
  /** Rejects when the process has ended. */
  readonly #ended: Promise<never>;

  constructor(env: NodeJS.ProcessEnv) {
    const reportUsage = new URL('report-usage.js', import.meta.url).href;
    this.#child = fork(new URL('../gateway/main.js', import.meta.url), {
      env: { ...process.env, ...env, INSTANCE: 'gateway', PORT: '0', TRACE: 'off' },
      execArgv: [...process.execArgv, '--import', reportUsage],
      // What it logs must not come between the lines of JSON.
      stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
    });
    this.#ended = once(this.#child, 'exit').then(([code, signal]) => {
      throw new Error(`The gateway ended (${signal ?? `exit code ${code}`})`);
    });
    this.#ended.catch(() => undefined);
  }

  /** Resolves to its address when it is ready. */
  async url(): Promise<string> {
    const { port } = await this.#nextMessage<Ready>();
    return `http://127.0.0.1:${port}`;
  }

  usage(): Promise<ProcessUsage> {
    const usage = this.#nextMessage<ProcessUsage>();
    this.#child.send('usage');
    return usage;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT);
    await this.#ended.catch(() => undefined);
    clearTimeout(timer);
  }

  #nextMessage<Message>(): Promise<Message> {
    const message = once(this.#child, 'message').then(([message]) => message as Message);
    return Promise.race([message, this.#ended]);
  }
}
