import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './redis.js';

const BINARY = process.env.REDIS_SERVER_BINARY ?? 'redis-server';

/** One server process: a data node, or a sentinel. */
export class ServerProcess {
  readonly #args: string[];
  readonly #client: Redis;
  #child: ChildProcess | undefined;
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
    return this.#child !== undefined;
  }

  /** Whether it is running and not {@link hang hung}. */
  get answers(): boolean {
    return this.isRunning && !this.#isHung;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const child = spawn(BINARY, this.#args, { stdio: 'ignore' });
    await once(child, 'spawn');
    this.#child = child;
    await this.#client.ping();
  }

  /** Resolves when the process has exited. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    this.#isHung = false;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Suspends the process: its sockets stay open, and it does not answer. */
  hang(): void {
    this.#isHung = true;
    this.#child?.kill('SIGSTOP');
  }

  /** Resumes the process after {@link hang}. */
  resume(): void {
    this.#isHung = false;
    this.#child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.#client.disconnect();
    await this.kill();
  }
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
    const [master = 0, replica = 0, ...sentinels] = await freePorts(5);
    const set = new SentinelSet(
      folder,
      [
        await createNode(folder, master, []),
        await createNode(folder, replica, [`replicaof 127.0.0.1 ${master}`]),
      ],
      await Promise.all(sentinels.map((port) => createSentinel(folder, port, master))),
    );
    await Promise.all([...set.nodes, ...set.sentinels].map((server) => server.start()));
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
    return eventually(async () => (await this.master()) !== old);
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
      await eventually(async () => {
        const [master] = await this.#ask(client, 'MASTERS');
        const replicas = await this.#ask(client, 'REPLICAS', this.name);
        const isFit = replicas.some(
          (it) => it.flags === 'slave' && it['master-link-status'] === 'ok',
        );
        return master?.flags === 'master' && master['num-other-sentinels'] === '2' && isFit;
      });
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

async function createNode(folder: string, port: number, lines: string[]): Promise<ServerProcess> {
  // After a failover the sentinels make a node rewrite its configuration, so it needs a file.
  return createServerProcess(folder, port, ['save ""', 'repl-diskless-sync-delay 0', ...lines]);
}

async function createSentinel(
  folder: string,
  port: number,
  master: number,
): Promise<ServerProcess> {
  const lines = [
    `sentinel monitor chaos 127.0.0.1 ${master} 2`,
    'sentinel down-after-milliseconds chaos 1000',
    'sentinel failover-timeout chaos 3000',
  ];
  return createServerProcess(folder, port, lines, ['--sentinel']);
}

async function createServerProcess(
  folder: string,
  port: number,
  lines: string[],
  args: string[] = [],
): Promise<ServerProcess> {
  const file = join(folder, `${port}.conf`);
  const common = [`port ${port}`, 'bind 127.0.0.1', `dir "${folder}"`];
  await writeFile(file, [...common, ...lines, ''].join('\n'));
  return new ServerProcess(port, [file, ...args]);
}

/** Free ports; all are open at the same time, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
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
