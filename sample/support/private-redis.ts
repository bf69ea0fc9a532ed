import { onFreePort } from './server-port.js';
import { RedisProcess, ServerStartError } from './redis-process.js';

/** No persistence, which `args` can change. */
const PRIVATE = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
/** A replica receives its data without a file. */
const DISKLESS = ['--repl-diskless-sync', 'yes', '--repl-diskless-load', 'on-empty-db'];

/** A private Redis server on a free port of this machine. */
export interface PrivateRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Idempotent. */
  stop(): Promise<void>;
  /** Restarts the server on the same port after {@link stop}, a kill, or a restart that failed. */
  start(): Promise<void>;
}

export interface PrivateRedisOptions {
  /**
   * Starts the server in its own process group. A terminal sends Ctrl-C to all processes of its group. With
   * this option the caller can close the clients first, and must call `stop` on every signal.
   *
   * @default false
   */
  readonly surviveCtrlC?: boolean;

  /** Called when the server exits without a call of `stop`. */
  readonly onCrash?: () => void;
}

/**
 * Starts a Redis server without persistence, on a port that no other program uses. The binary is the one that
 * REDIS_SERVER_BINARY names, or `redis-server` or `valkey-server` from PATH, or else one that `redis-memory-server`
 * downloads and builds. Rejects with an error that names the binary, and has the output of the server or says how
 * to install one.
 *
 * @param args - More arguments; a function is called again for each port that is tried.
 */
export function startPrivateRedis(
  args: readonly string[] | (() => readonly string[]) = [],
  options: PrivateRedisOptions = {},
): Promise<PrivateRedis> {
  return onFreePort(async (port) => {
    const redis = new PrivateServer(port, typeof args === 'function' ? args() : args, options);
    await redis.start();
    return redis;
  });
}

class PrivateServer implements PrivateRedis {
  readonly #args: readonly string[];
  readonly #options: PrivateRedisOptions;
  /** The current process, or the one that starts; undefined after {@link stop}. */
  #starting: Promise<RedisProcess> | undefined;
  #process: RedisProcess | undefined;

  constructor(
    readonly port: number,
    args: readonly string[],
    options: PrivateRedisOptions,
  ) {
    this.#args = [...PRIVATE, ...DISKLESS, '--port', String(port), ...args];
    this.#options = options;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  async start(): Promise<void> {
    const starting = RedisProcess.start(this.#args, this.#options.surviveCtrlC);
    this.#starting = starting;
    try {
      this.#process = await starting;
    } catch (error) {
      throw new Error(explain(error), { cause: error });
    }
    void this.#process.exited.then(() => {
      if (this.#starting === starting) this.#options.onCrash?.();
    });
  }

  async stop(): Promise<void> {
    const starting = this.#starting;
    this.#starting = undefined;
    const running = await starting?.catch(() => undefined);
    await running?.stop();
  }
}

function explain(error: unknown): string {
  const isStartError = error instanceof ServerStartError;
  const tried = isStartError
    ? error.message
    : 'redis-server and valkey-server on PATH, then a download and build of Redis.';
  const isRunnable = isStartError && error.output !== '';
  const advice = [
    'To install one: "apt install redis-server", "brew install redis" or https://redis.io/download.',
    'To use another binary: set REDIS_SERVER_BINARY to its path.',
  ];
  return ['Cannot start a Redis server.', `Tried: ${tried}`, ...(isRunnable ? [] : advice)].join(
    '\n',
  );
}
