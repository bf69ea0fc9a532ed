import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { RedisProcess } from '../../sample/support/redis-process.js';
import { onFreePort } from '../../sample/support/server-port.js';
import { eventually } from './redis.js';

/** One server process: a data node, or a sentinel. */
export class ServerProcess {
  readonly #args: string[];
  readonly #client: Redis;
  #process: RedisProcess | undefined;
  #isHung = false;

  constructor(
    readonly port: number,
    args: string[],
  ) {
    this.#args = args;
    this.#client = new Redis(port, {
      lazyConnect: true,
      connectionName: 'control',
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    });
    this.#client.on('error', () => undefined);
  }

  /** A plain client of this process. */
  get client(): Redis {
    return this.#client;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Whether it is running and not {@link hang hung}. */
  get answers(): boolean {
    return this.isRunning && !this.#isHung;
  }

  /** Resolves when it answers; rejects with its output if it exits. */
  async start(): Promise<void> {
    this.#process = await RedisProcess.start(this.#args);
    await this.#client.ping();
  }

  /** Resolves when the process has exited. */
  async kill(): Promise<void> {
    const killed = this.#process;
    this.#process = undefined;
    this.#isHung = false;
    killed?.signal('SIGKILL');
    await killed?.exited;
  }

  /** Suspends the process: its sockets stay open, and it does not answer. */
  hang(): void {
    this.#isHung = true;
    this.#process?.signal('SIGSTOP');
  }

  /** Resumes the process after {@link hang}. */
  resume(): void {
    this.#isHung = false;
    this.#process?.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    this.#client.disconnect();
    await this.kill();
  }
}

/**
 * Starts a data node or a sentinel on a port that no other program uses.
 *
 * @param argsFor - Makes its arguments, and what they need, for each port that is tried.
 */
export function startServer(argsFor: (port: number) => Promise<string[]>): Promise<ServerProcess> {
  return onFreePort(async (port) => {
    const server = new ServerProcess(port, await argsFor(port));
    try {
      await server.start();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  });
}

/** One master with a replica, monitored by three sentinels; all local, in a temporary folder. */
export class SentinelSet {
  readonly name = 'chaos';
  readonly nodes: readonly ServerProcess[];
  readonly sentinels: readonly ServerProcess[];
  readonly #folder: string;

  private constructor(folder: string, nodes: ServerProcess[], sentinels: ServerProcess[]) {
    this.#folder = folder;
    this.nodes = nodes;
    this.sentinels = sentinels;
  }

  /** Resolves when the sentinels know of each other and of the replica, and could fail over. */
  static async start(): Promise<SentinelSet> {
    const folder = await mkdtemp(join(tmpdir(), 'sentinel-'));
    const master = await startDataNode(folder, []);
    const [replica, ...sentinels] = await Promise.all([
      startDataNode(folder, [`replicaof 127.0.0.1 ${master.port}`]),
      ...Array.from({ length: 3 }, () => startSentinel(folder, master.port)),
    ]);
    const set = new SentinelSet(folder, [master, replica], sentinels);
    await set.#shortenInfoPeriod();
    await set.ready();
    return set;
  }

  /** The data node that the sentinels name as the master. */
  async master(): Promise<ServerProcess> {
    const address = await this.#queried().client.call(
      'SENTINEL',
      'GET-MASTER-ADDR-BY-NAME',
      this.name,
    );
    return this.#node(Number((address as string[])[1]));
  }

  /** The data node that the sentinels do not name. */
  async replica(): Promise<ServerProcess> {
    const master = await this.master();
    return this.#node(this.nodes.find(({ port }) => port !== master.port)?.port);
  }

  /** Starts a failover by the sentinels while the master and the replica are healthy. */
  async failOver(): Promise<void> {
    await this.#queried().client.call('SENTINEL', 'FAILOVER', this.name);
  }

  /** Resolves when another node than `old` is the master. */
  failedOver(old: ServerProcess): Promise<void> {
    return eventually(
      async () => (await this.master()) !== old,
      `another node than ${old.port} is the master`,
    );
  }

  /**
   * Makes the old master a replica; the sentinels would do so only after ten seconds. Resolves when the next
   * failover is possible.
   */
  async recover(): Promise<void> {
    for (const server of [...this.nodes, ...this.sentinels]) {
      if (server.isRunning) server.resume();
      else await server.start();
    }
    const [master, replica] = [await this.master(), await this.replica()];
    await replica.client.replicaof('127.0.0.1', master.port);
    await this.ready();
  }

  /** Resolves when every sentinel knows the other sentinels and a replica that can be promoted. */
  async ready(): Promise<void> {
    for (const { client } of this.sentinels) {
      let known: unknown;
      await eventually(
        async () => {
          const [master] = await this.#ask(client, 'MASTERS');
          const replicas = await this.#ask(client, 'REPLICAS', this.name);
          known = { master, replicas };
          const isFit = replicas.some(
            (it) => it.flags === 'slave' && it['master-link-status'] === 'ok',
          );
          return master?.flags === 'master' && master['num-other-sentinels'] === '2' && isFit;
        },
        () => `the sentinel knows a master, a replica and two sentinels: ${JSON.stringify(known)}`,
      );
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.nodes, ...this.sentinels].map((server) => server.stop()));
    await rm(this.#folder, { recursive: true });
  }

  /** Makes the sentinels query the nodes every second instead of every ten, if their version can. */
  async #shortenInfoPeriod(): Promise<void> {
    const asked = this.sentinels.map(({ client }) =>
      client.call('SENTINEL', 'DEBUG', 'info-period', '1000').catch(() => undefined),
    );
    await Promise.all(asked);
  }

  async #ask(client: Redis, ...question: string[]): Promise<Record<string, string>[]> {
    const answer = (await client.call('SENTINEL', ...question)) as unknown[];
    return answer.map(asRecord);
  }

  /** The last sentinel, because faults are injected into the first. */
  #queried(): ServerProcess {
    const last = this.sentinels.at(-1);
    if (!last) throw new Error('There is no sentinel');
    return last;
  }

  #node(port: number | undefined): ServerProcess {
    const node = this.nodes.find((it) => it.port === port);
    if (!node) throw new Error(`There is no data node on port ${port}`);
    return node;
  }
}

export function startDataNode(folder: string, lines: string[]): Promise<ServerProcess> {
  // After a failover the sentinels make a node rewrite its configuration, so it needs a file.
  return startWithFile(folder, ['save ""', 'repl-diskless-sync-delay 0', ...lines]);
}

export function startSentinel(folder: string, master: number): Promise<ServerProcess> {
  const lines = [
    `sentinel monitor chaos 127.0.0.1 ${master} 2`,
    'sentinel down-after-milliseconds chaos 1000',
    'sentinel failover-timeout chaos 3000',
  ];
  return startWithFile(folder, lines, ['--sentinel']);
}

function startWithFile(
  folder: string,
  lines: string[],
  args: string[] = [],
): Promise<ServerProcess> {
  return startServer(async (port) => {
    const file = join(folder, `${port}.conf`);
    const common = [`port ${port}`, 'bind 127.0.0.1', `dir "${folder}"`];
    await writeFile(file, [...common, ...lines, ''].join('\n'));
    return [file, ...args];
  });
}

/** Converts a reply to an object: RESP2 gives a flat array of pairs, RESP3 a map. */
function asRecord(reply: unknown): Record<string, string> {
  if (!Array.isArray(reply)) return reply as Record<string, string>;
  const pairs = Array.from({ length: reply.length / 2 }, (_, i) => [
    String(reply[2 * i]),
    String(reply[2 * i + 1]),
  ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}
