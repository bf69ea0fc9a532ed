import { setTimeout } from 'node:timers/promises';
import {
  RedisPubSubModule,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { LocalCache } from 'nestjs-redis-pubsub/cache';
import { blind } from '../conformance/blind-service.js';
import { startContext } from '../e2e/module/apps.js';
import { withOptions, type ConnectionOptions } from '../support/faults/connection-options.js';
import { NumberedChannel } from '../support/faults/numbered-channel.js';
import type { PlainPublisher } from '../support/faults/plain-publisher.js';
import { SteadyPublisher } from '../support/faults/steady-publisher.js';
import type { Topology } from '../support/faults/topology.js';
import { eventually } from '../support/redis.js';
import { APPLICATION } from './application-connections.js';
import { TestApplication, type NumberedChannels } from './application.js';
import type { Fault, FaultContext } from './fault.js';
import { settings } from './settings.js';

const CHANNEL = 'chaos.invalidated';
const WRITE_INTERVAL_MS = 5;
const READ_INTERVAL_MS = 20;
/** A key is written again after this many bounds: the loss of one invalidation shows until then. */
const BOUNDS = 3;
const MARKER = 'marker';

/** A write, and when its `invalidate` resolved. */
interface Write {
  readonly version: number;
  readonly at: number;
}

/** What a database has of a key. */
interface Row {
  version: number;
  /** The writes that all have to know after the bound, from the oldest on. */
  readonly known: Write[];
}

/** A value that was read later than the bound allows. */
interface Violation {
  readonly key: string;
  readonly version: number;
  readonly expected: number;
  /** How long ago the `invalidate` of the expected version resolved, in milliseconds. */
  readonly age: number;
}

/** The cache of the first instance, and the two of the second one. */
interface Caches {
  readonly writer: LocalCache<number>;
  readonly reader: LocalCache<number>;
  readonly blind: LocalCache<number>;
}

/** The truth, which each load reads. */
class Database {
  readonly #rows = new Map<string, Row>();

  readonly load = (key: string): number => this.#row(key).version;

  /** Writes the next version. `invalidate` tells all caches. */
  async write(key: string, invalidate: () => Promise<unknown>): Promise<number> {
    const row = this.#row(key);
    const version = ++row.version;
    // Without an answer nothing is promised.
    const isKnown = await invalidate().then(
      () => true,
      () => false,
    );
    const newest = row.known.at(-1)?.version ?? 0;
    if (isKnown && version > newest) row.known.push({ version, at: performance.now() });
    return version;
  }

  /** Checks a value that was read at a time, when everything before the bound had to be known. */
  check(key: string, version: number, readAt: number, bound: number): Violation | undefined {
    const { known } = this.#row(key);
    // The times of delivery are whole milliseconds.
    const isDue = (write: Write | undefined): boolean => !!write && write.at + bound + 1 < readAt;
    while (isDue(known[1])) known.shift();
    const [expected] = known;
    if (!expected || !isDue(expected) || version >= expected.version) return undefined;
    return { key, version, expected: expected.version, age: readAt - expected.at };
  }

  #row(key: string): Row {
    let row = this.#rows.get(key);
    if (!row) this.#rows.set(key, (row = { version: 0, known: [] }));
    return row;
  }
}

/**
 * Two instances with a local cache each. The first one writes and invalidates many keys all the time, and the second one
 * reads them; faults hit the connections of the second one, and the servers. Beside its cache the second one has another
 * one that ignores the status, gaps and losses.
 */
export class CacheScenario implements FaultContext {
  readonly channels: NumberedChannels = { plain: [new NumberedChannel(CHANNEL)], own: [] };
  readonly publisher: SteadyPublisher;
  readonly violations: Violation[] = [];
  readonly violationsOfBlind: Violation[] = [];
  /** How often a value came from memory. */
  hits = 0;
  readonly #database = new Database();
  readonly #keys: readonly string[];
  #writes = 0;
  readonly #caches: Caches;
  readonly #timers: NodeJS.Timeout[] = [];

  private constructor(
    readonly topology: Topology,
    readonly plain: PlainPublisher,
    readonly application: TestApplication,
    caches: Caches,
  ) {
    this.#caches = caches;
    const count = Math.ceil((BOUNDS * caches.reader.maxStaleness) / WRITE_INTERVAL_MS);
    this.#keys = Array.from({ length: count }, (_, i) => `key-${i}`);
    // Faults that cut a large message in its middle publish one.
    this.publisher = new SteadyPublisher(this.channels.plain, (channel, data) =>
      plain.publish(channel, { keys: [], ...data }),
    );
  }

  /** `direct`: the connection of the writer. Default: that of the reader. */
  static async start(
    topology: Topology,
    direct: ConnectionOptions = topology.connection,
  ): Promise<CacheScenario> {
    const plain = topology.createPublisher();
    await plain.ready();
    const { app: writing } = await startInstance(direct);
    // The last one that starts gets the log lines.
    const struck = withOptions(topology.connection, { connectionName: APPLICATION });
    const { app, log } = await startInstance(struck);
    const options = { channel: CHANNEL, sharded: topology.isSharded };
    const service = app.get(RedisPubSubService);
    const scenario = new CacheScenario(topology, plain, new TestApplication(app, log, [], []), {
      writer: new LocalCache<number>(writing.get(RedisPubSubService), options),
      reader: new LocalCache<number>(service, options),
      blind: new LocalCache<number>(blind(service), options),
    });
    await scenario.receivesFromNowOn();
    scenario.#start();
    return scenario;
  }

  /** Injects a fault, and waits for the recovery, and until each loss would have shown. */
  async recoverFrom(fault: Fault): Promise<void> {
    const injection = await fault.inject(this);
    try {
      await injection.showsEffect?.();
      await setTimeout(this.#caches.reader.maxStaleness);
    } finally {
      await injection.stop?.();
    }
    await this.receivesFromNowOn();
    await setTimeout(this.#caches.reader.maxStaleness);
    await injection.cleanUp?.();
  }

  /** Resolves when the reader keeps values again, and invalidations of now arrive. */
  async receivesFromNowOn(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      const version = await this.#writeMarker();
      await eventually(
        async () => (await this.#caches.reader.get(MARKER, this.#database.load)) === version,
        'the reader gets what was written',
      );
      await eventually(async () => {
        await this.#caches.reader.get(MARKER, this.#database.load);
        return this.#caches.reader.peek(MARKER) === version;
      }, 'the reader keeps values');
    }
  }

  close(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.plain.close();
  }

  /** Resolves to the version, when Redis has taken its invalidation. */
  async #writeMarker(): Promise<number> {
    let version = 0;
    await eventually(async () => {
      let isTaken = false;
      version = await this.#database.write(MARKER, async () => {
        await this.#caches.writer.invalidate(MARKER);
        isTaken = true;
      });
      return isTaken;
    }, 'Redis takes an invalidation');
    return version;
  }

  #start(): void {
    this.#timers.push(
      setInterval(() => this.#write(), WRITE_INTERVAL_MS),
      setInterval(() => this.#readAll(), READ_INTERVAL_MS),
    );
  }

  #write(): void {
    const key = this.#keys[this.#writes++ % this.#keys.length] ?? '';
    void this.#database.write(key, () => this.#caches.writer.invalidate(key));
  }

  #readAll(): void {
    for (const key of this.#keys) this.#read(key);
  }

  #read(key: string): void {
    const { load } = this.#database;
    const readAt = performance.now();
    for (const [cache, found] of [
      [this.#caches.reader, this.violations],
      [this.#caches.blind, this.violationsOfBlind],
    ] as const) {
      const value = cache.peek(key);
      if (value === undefined) void cache.get(key, load);
      else {
        if (cache === this.#caches.reader) this.hits++;
        const violation = this.#database.check(key, value, readAt, cache.maxStaleness);
        if (violation) found.push(violation);
      }
    }
  }
}

function startInstance(connection: ConnectionOptions) {
  const { heartbeat } = settings();
  const options = { ...heartbeat, probeInterval: heartbeat.pingInterval, publishBuffer: false };
  const module = RedisPubSubModule.forRoot({ connection, ...options } as RedisPubSubModuleOptions);
  return startContext({ imports: [module] });
}
