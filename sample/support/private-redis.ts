import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { RedisMemoryServer } from 'redis-memory-server';

/** A Redis of our own on a free port of this machine. */
export interface PrivateRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
  /** Starts it again after {@link stop} or a kill, on the same port. */
  start(): Promise<void>;
}

export interface PrivateRedisOptions {
  /**
   * A terminal sends Ctrl-C to all its processes. With this the server is not among them, so that
   * whoever started it can end its clients first; it must then call `stop` on every signal.
   *
   * @default false
   */
  readonly surviveCtrlC?: boolean;

  /** Called when the server has ended although nobody called `stop`. */
  readonly onCrash?: () => void;
}

/**
 * Starts a server that keeps nothing on disk: `redis-server` or `valkey-server` from PATH (or the
 * one that REDIS_SERVER_BINARY names), else one that `redis-memory-server` downloads and builds.
 * Rejects with an error that says what was tried and how to get a Redis.
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
      const isThere = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere) return path;
    }
  }
  return undefined;
}

function explain(tried: string | undefined): string {
  return [
    'No Redis could be started.',
    tried
      ? `Tried: ${tried}.`
      : 'Tried: redis-server and valkey-server on PATH, then to download and build one.',
    'To get one: "apt install redis-server", "brew install redis" or https://redis.io/download;',
    'or name the binary of a server with REDIS_SERVER_BINARY.',
  ].join('\n');
}
