import { setTimeout } from 'node:timers/promises';
import {
  RedisPubSubModule,
  RedisPubSubServer,
  type RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { startContext } from '../e2e/module/apps.js';
import { ClusterTopology } from '../support/faults/cluster-topology.js';
import { withOptions, type ConnectionOptions } from '../support/faults/connection-options.js';
import { NumberedChannel } from '../support/faults/numbered-channel.js';
import type { PlainPublisher } from '../support/faults/plain-publisher.js';
import { SteadyPublisher } from '../support/faults/steady-publisher.js';
import type { Topology } from '../support/faults/topology.js';
import { Random } from '../support/random.js';
import { eventually } from '../support/redis.js';
import { APPLICATION } from './application-connections.js';
import { portOf } from './application-nodes.js';
import { TestApplication, type NumberedChannels } from './application.js';
import { CacheLine, type Violation } from './cache-line.js';
import type { Fault, FaultContext } from './fault.js';
import { settings } from './settings.js';

const LINES = 40;
/** How many are written when the struck instance loses its connection: even a short outage loses one of these. */
const LINES_OF_OUTAGE = 8;
/** A line is written again after this many bounds: the loss of an invalidation shows until then. */
const BOUNDS = 2;
const READ_INTERVAL_MS = 20;

/**
 * Two instances with local caches, one for each line. Each instance writes half of the lines, one line after the other,
 * and both read all lines all the time.
 */
export class CacheScenario implements FaultContext {
  readonly channels: NumberedChannels;
  readonly publisher: SteadyPublisher;
  /** Each is written twice, at a distance of its own. */
  readonly #lines: readonly CacheLine[];
  readonly #ofOutage: readonly CacheLine[];
  /** One for each direction. They show that messages pass, and faults that fill a connection publish there. */
  readonly #markers: readonly CacheLine[];
  readonly #other: TestApplication;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #random = new Random(settings().seed);
  #first = 0;

  private constructor(
    readonly topology: Topology,
    readonly plain: PlainPublisher,
    readonly application: TestApplication,
    otherApplication: TestApplication,
  ) {
    this.#other = otherApplication;
    const [other, struck] = [otherApplication.service, application.service];
    const open = (name: string, writer: RedisPubSubService) => {
      const options = { channel: `chaos.invalidated.${name}`, sharded: topology.isSharded };
      return new CacheLine(writer, writer === other ? struck : other, options);
    };
    const create = (name: string, count: number, writerOf: (i: number) => RedisPubSubService) =>
      Array.from({ length: count }, (_, i) => open(`${name}.${i}`, writerOf(i)));
    this.#lines = create('line', LINES, (i) => (i % 2 === 0 ? other : struck));
    this.#ofOutage = create('outage', LINES_OF_OUTAGE, () => other);
    this.#markers = [open('marker.other', other), open('marker.struck', struck)];
    // A fault that moves slots moves those of some lines, too. The struck instance writes the first one.
    this.channels = {
      plain: this.#markers.slice(0, 1).map(numbered),
      own: this.#lines.slice(1, 5).map(numbered),
    };
    this.publisher = new SteadyPublisher(this.channels.plain, (channel, data) =>
      plain.publish(channel, { keys: [], ...data }),
    );
  }

  /** `direct`: the connection of the instance that no fault of the network hits. Default: that of the struck one. */
  static async start(
    topology: Topology,
    direct: ConnectionOptions = topology.connection,
  ): Promise<CacheScenario> {
    const plain = topology.createPublisher();
    await plain.ready();
    const other = await startInstance(direct);
    const named = withOptions(topology.connection, { connectionName: APPLICATION });
    // The last one that starts gets the log lines.
    const struck = await startInstance(named);
    const application = new TestApplication(struck.app, struck.log, [], []);
    const otherApplication = new TestApplication(other.app, other.log, [], []);
    const scenario = new CacheScenario(topology, plain, application, otherApplication);
    await Promise.all(scenario.#all.map((line) => line.passesFromNowOn()));
    struck.app.get(RedisPubSubServer).status.subscribe((status) => scenario.#onStatus(status));
    scenario.#start();
    return scenario;
  }

  get violations(): Violation[] {
    return this.#all.flatMap(({ violations }) => violations);
  }

  get violationsOfBlind(): Violation[] {
    return this.#all.flatMap(({ violationsOfBlind }) => violationsOfBlind);
  }

  /** How often a value came from memory. */
  get hits(): number {
    return this.#all.reduce((sum, { hits }) => sum + hits, 0);
  }

  /** Injects a fault, waits for the recovery, and then until each loss would have shown. */
  async recoverFrom(fault: Fault): Promise<void> {
    await this.#separate();
    // The checks of an instance come at fixed times: a fault may begin at any time between two of them.
    await setTimeout(this.#random.below(settings().heartbeat.pingInterval));
    const injection = await fault.inject(this);
    try {
      await injection.showsEffect?.();
      if (injection.stop) await setTimeout(this.#boundMs);
    } finally {
      await injection.stop?.();
    }
    await this.receivesFromNowOn();
    await setTimeout(this.#boundMs + 2 * READ_INTERVAL_MS);
    await injection.cleanUp?.();
  }

  /** Resolves when messages pass in both directions, and both instances keep values. */
  async receivesFromNowOn(): Promise<void> {
    await Promise.all(this.#markers.map((line) => line.passesFromNowOn()));
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.plain.close();
  }

  get #all(): readonly CacheLine[] {
    return [...this.#lines, ...this.#ofOutage, ...this.#markers];
  }

  get #boundMs(): number {
    return this.application.service.deliveryTimeout;
  }

  /** Has the other instance publish at another node: a node without the rest of its Cluster passes what it is sent. */
  async #separate(): Promise<void> {
    if (!(this.topology instanceof ClusterTopology) || this.topology.isSharded) return;
    const other = { application: this.#other };
    await eventually(async () => {
      if ((await portOf('publisher', other)) !== (await portOf('subscriber', this))) return true;
      // It connects to the next node then.
      this.#other.clients[0]?.disconnect(true);
      return false;
    }, 'the instances are at two nodes');
  }

  #start(): void {
    const write = (): void => this.#writeTwice(this.#first++ % LINES);
    const read = (): void => this.#all.forEach((line) => void line.read());
    this.#timers.add(setInterval(write, (BOUNDS * this.#boundMs) / LINES));
    this.#timers.add(setInterval(read, READ_INTERVAL_MS));
  }

  /**
   * The second write comes before the follow-up of the first one, often shortly before it: an outage that begins between
   * the two writes may lose both the second one and that follow-up.
   */
  #writeTwice(index: number): void {
    const line = this.#lines[index];
    void line?.write();
    const share = (index + 1) / (LINES + 1);
    const distanceMs = (this.#boundMs / 2) * (1 - share ** 2);
    const timer = globalThis.setTimeout(() => {
      this.#timers.delete(timer);
      void line?.write();
    }, distanceMs);
    this.#timers.add(timer);
  }

  #onStatus(status: string): void {
    if (status === 'connected') return;
    for (const line of this.#ofOutage) void line.write();
  }
}

const numbered = ({ channel }: CacheLine): NumberedChannel => new NumberedChannel(channel);

function startInstance(connection: ConnectionOptions) {
  const { heartbeat } = settings();
  const options = { ...heartbeat, probeInterval: heartbeat.pingInterval, publishBuffer: false };
  const module = RedisPubSubModule.forRoot({ connection, ...options } as RedisPubSubModuleOptions);
  return startContext({ imports: [module] });
}
