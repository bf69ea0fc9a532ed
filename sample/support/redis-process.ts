import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { findServerBinary } from './server-binary.js';

/** What a data node or a sentinel prints when it accepts connections. */
const READY = /Ready to accept connections|Sentinel (new )?ID is/;
const START_TIMEOUT_MS = 30_000;
/** Time in which a server must exit after SIGTERM, in milliseconds; it does not while it cannot save its data. */
const STOP_TIMEOUT_MS = 5_000;
const MAX_OUTPUT_LENGTH = 4_000;

/** A server process did not start: its binary cannot be run, or it exited. */
export class ServerStartError extends Error {
  override readonly name = 'ServerStartError';

  constructor(
    reason: string,
    /** The first output of the server; empty if it did not run. */
    readonly output: string,
  ) {
    super([reason, output].filter(Boolean).join('\n'));
  }
}

/** A Redis server or sentinel that runs. It is killed if the process that started it ends. */
export class RedisProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => void child.once('exit', () => resolve()));
  }

  /**
   * Resolves when the server accepts connections.
   *
   * @param args - The arguments of the server; `--logfile` is not possible.
   * @param detached - Whether it gets its own process group, which Ctrl-C does not reach. Default: `false`.
   * @throws {@link ServerStartError} at once when it exits, and after 30 seconds in which it is not ready.
   */
  static async start(args: readonly string[], detached = false): Promise<RedisProcess> {
    const binary = await findServerBinary();
    const child = spawn(binary, args, { detached, stdio: ['ignore', 'pipe', 'pipe'] });
    const server = new RedisProcess(child);
    if (child.pid !== undefined) killWithThisProcess(child);
    await ready(child, binary);
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when the process has exited. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** Resolves when the process has exited; idempotent. After five seconds it is killed. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Sends a signal to the process. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Rejects at once if the process exits or cannot be run, and kills one that is not ready in time. */
function ready(child: ChildProcess, binary: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const finish = (): void => {
      clearTimeout(timer);
      // The server blocks if its output is not read.
      for (const stream of [child.stdout, child.stderr]) stream?.off('data', read).resume();
    };
    const fail = (reason: string): void => {
      finish();
      // The reason comes before the report of a crash, which is long.
      reject(
        new ServerStartError(`${binary}: ${reason}`, output.trim().slice(0, MAX_OUTPUT_LENGTH)),
      );
    };
    const read = (text: string): void => {
      output += text;
      if (!READY.test(output)) return;
      finish();
      resolve();
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`not ready within ${START_TIMEOUT_MS / 1_000} seconds`);
    }, START_TIMEOUT_MS);
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', read);
    child.once('error', ({ message }) => fail(message));
    // Not 'exit', which can come before the last output.
    child.once('close', (code, signal) => fail(`exited with ${signal ?? `code ${code}`}`));
  });
}

/** Has a shell kill a process when this one ends: the shell's input then ends, also if this process is killed. */
function killWithThisProcess(child: ChildProcess): void {
  const shell = spawn('/bin/sh', ['-c', `read -r _; kill -KILL ${child.pid}`], {
    // Its own process group: Ctrl-C must not end it before the server.
    detached: true,
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.once('error', () => undefined).unref();
  (shell.stdin as Socket).unref();
  child.once('exit', () => shell.kill('SIGKILL'));
}
