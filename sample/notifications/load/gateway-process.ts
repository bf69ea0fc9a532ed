import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Ready } from '../process/run-service.js';
import type { ProcessUsage } from './process-usage.js';
import { LOAD_USER_PREFIX } from './signed-in-users.js';

const STOP_TIMEOUT_MS = 10_000;

/** A gateway process under test. Unlike with the launcher, it is not restarted: an exit is a failure of the run. */
export class GatewayProcess {
  readonly #child: ChildProcess;
  /** Rejects when the process exits. */
  readonly #exited: Promise<never>;

  constructor(instance: string, env: NodeJS.ProcessEnv) {
    const reportUsage = new URL('report-usage.js', import.meta.url).href;
    this.#child = fork(new URL('../gateway/main.js', import.meta.url), {
      env: {
        ...process.env,
        ...env,
        INSTANCE: instance,
        PORT: '0',
        TRACE: 'off',
        GUEST_PREFIX: LOAD_USER_PREFIX,
      },
      execArgv: [...process.execArgv, '--import', reportUsage],
      // stdout is for the JSON result only, so that the gateway logs to stderr.
      stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
    });
    this.#exited = once(this.#child, 'exit').then(([code, signal]) => {
      throw new Error(`The gateway exited (${signal ?? `exit code ${code}`})`);
    });
    this.#exited.catch(() => undefined);
  }

  /** Resolves to the URL of the gateway when it is ready. */
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
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited.catch(() => undefined);
    clearTimeout(timer);
  }

  #nextMessage<Message>(): Promise<Message> {
    const message = once(this.#child, 'message').then(([message]) => message as Message);
    return Promise.race([message, this.#exited]);
  }
}
