import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { RedisMemoryServer } from 'redis-memory-server';

/** A private Redis server on a free port of this machine. */
export interface PrivateRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
  /** Restarts the server on the same port after {@link stop} or a kill. */
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
 * Starts a Redis server without persistence: the binary that REDIS_SERVER_BINARY names, or `redis-server` or
 * `valkey-server` from PATH, or else one that `redis-memory-server` downloads and builds.
 * Rejects with an error that names the binary and says how to install Redis.
 */
export async function startPrivateRedis(
  args: string[] = [],
  { surviveCtrlC = false, onCrash }: PrivateRedisOptions = {},
): Promise<PrivateRedis> {
  const systemBinary = process.env.REDIS_SERVER_BINARY ?? (await findOnPath());
  const server = new RedisMemoryServer({
    instance: { args: ['--enable-debug-command', 'yes', ...args] },
    binary: systemBinary ? { systemBinary } : {},
    spawn: { detached: surviveCtrlC },
  });
  try {
    await server.start();
  } catch (error) {
    throw new Error(explain(systemBinary), { cause: error });
  }
  const info = (): { port: number; pid: number } => {
    const { port, childProcess } = server.getInstanceInfo() || {};
    return { port: port ?? 0, pid: childProcess?.pid ?? 0 };
  };
  let isStopping = false;
  const watch = (): void => {
    isStopping = false;
    const { childProcess } = server.getInstanceInfo() || {};
    childProcess?.once('exit', () => isStopping || onCrash?.());
  };
  watch();
  const { port } = info();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return info().pid;
    },
    stop: async () => {
      isStopping = true;
      await server.stop();
    },
    start: async () => {
      await server.start();
      watch();
    },
  };
}

async function findOnPath(): Promise<string | undefined> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of folders) {
      const path = join(folder, name);
      const isExecutable = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isExecutable) return path;
    }
  }
  return undefined;
}

function explain(tried: string | undefined): string {
  return [
    'Cannot start a Redis server.',
    tried
      ? `Tried: ${tried}.`
      : 'Tried: redis-server and valkey-server on PATH, then a download and build of Redis.',
    'To install one: "apt install redis-server", "brew install redis" or https://redis.io/download.',
    'To use another binary: set REDIS_SERVER_BINARY to its path.',
  ].join('\n');
}
