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

/** Values with a channel each: no message of another value shows that one of its own was lost. */
const VALUES = 40;
const READ_INTERVAL_MS = 20;
/** A value is written again after this many bounds: the loss of an invalidation shows until then. */
const BOUNDS = 3;
/** Its second write comes after this many of the first writes of other values: a little less than half the bound. */
const SECOND = Math.floor(VALUES / BOUNDS / 2);
const MARKER = 'marker';
const channelOf = (value: number): string => `chaos.invalidated.${value}`;

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

/** A value: the cache of the first instance, and the two of the second one. */
interface Caches {
  readonly key: string;
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
 * Two instances with local caches, one for each value. The first one writes values all the time, each of them twice in a
 * short time, and the second one reads them; faults hit the connections of the second one, and the servers. Beside each
 * cache the second one has another one that ignores the status, gaps and losses.
 */
export class CacheScenario implements FaultContext {
  readonly channels: NumberedChannels = {
    plain: [new NumberedChannel(channelOf(0))],
    own: [new NumberedChannel(channelOf(1)), new NumberedChannel(channelOf(2))],
  };
  readonly publisher: SteadyPublisher;
  readonly violations: Violation[] = [];
  readonly violationsOfBlind: Violation[] = [];
  /** How often a value came from memory. */
  hits = 0;
  readonly #database = new Database();
  #writes = 0;
  readonly #caches: readonly Caches[];
  readonly #timers: NodeJS.Timeout[] = [];

  private constructor(
    readonly topology: Topology,
    readonly plain: PlainPublisher,
    readonly application: TestApplication,
    caches: readonly Caches[],
  ) {
    this.#caches = caches;
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
    const service = app.get(RedisPubSubService);
    const caches = Array.from({ length: VALUES }, (_, i) => {
      const options = { channel: channelOf(i), sharded: topology.isSharded };
      return {
        key: `value-${i}`,
        writer: new LocalCache<number>(writing.get(RedisPubSubService), options),
        reader: new LocalCache<number>(service, options),
        blind: new LocalCache<number>(blind(service), options),
      };
    });
    const application = new TestApplication(app, log, [], []);
    const scenario = new CacheScenario(topology, plain, application, caches);
    await scenario.receivesFromNowOn();
    scenario.#start();
    return scenario;
  }

  /** Injects a fault, and waits for the recovery, and until each loss would have shown. */
  async recoverFrom(fault: Fault): Promise<void> {
    const injection = await fault.inject(this);
    try {
      await injection.showsEffect?.();
      await setTimeout(this.#bound);
    } finally {
      await injection.stop?.();
    }
    await this.receivesFromNowOn();
    await setTimeout(this.#bound);
    await injection.cleanUp?.();
  }

  /** Resolves when the reader keeps values again, and invalidations of now arrive. */
  async receivesFromNowOn(): Promise<void> {
    const { load } = this.#database;
    const [{ reader }] = this.#caches as readonly [Caches];
    for (let i = 0; i < 2; i++) {
      const version = await this.#writeMarker();
      await eventually(
        async () => (await reader.get(MARKER, load)) === version,
        'the reader gets what was written',
      );
      await eventually(async () => {
        await reader.get(MARKER, load);
        return reader.peek(MARKER) === version;
      }, 'the reader keeps values');
    }
  }

  get #bound(): number {
    return this.application.service.deliveryTimeout;
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
        await this.#caches[0]?.writer.invalidate(MARKER);
        isTaken = true;
      });
      return isTaken;
    }, 'Redis takes an invalidation');
    return version;
  }

  #start(): void {
    this.#timers.push(
      setInterval(() => this.#write(), (BOUNDS * this.#bound) / VALUES),
      setInterval(() => this.#caches.forEach((caches) => this.#read(caches)), READ_INTERVAL_MS),
    );
  }

  #write(): void {
    const at = VALUES + this.#writes++;
    for (const i of [at, at - SECOND]) {
      const { key, writer } = this.#caches[i % VALUES] as Caches;
      void this.#database.write(key, () => writer.invalidate(key));
    }
  }

  #read({ key, reader, blind: blindReader }: Caches): void {
    const { load } = this.#database;
    const readAt = performance.now();
    const value = reader.peek(key);
    if (value === undefined) void reader.get(key, load);
    else this.hits++;
    const old = blindReader.peek(key);
    if (old === undefined) void blindReader.get(key, load);
    for (const [read, found] of [
      [value, this.violations],
      [old, this.violationsOfBlind],
    ] as const) {
      const violation =
        read === undefined ? undefined : this.#database.check(key, read, readAt, this.#bound);
      if (violation) found.push(violation);
    }
  }
}

function startInstance(connection: ConnectionOptions) {
  const { heartbeat } = settings();
  const options = { ...heartbeat, probeInterval: heartbeat.pingInterval, publishBuffer: false };
  const module = RedisPubSubModule.forRoot({ connection, ...options } as RedisPubSubModuleOptions);
  return startContext({ imports: [module] });
}
