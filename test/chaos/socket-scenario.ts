import { encodeSegment, type RedisPubSubModuleOptions } from 'nestjs-redis-pubsub';
import type { SocketIoAdapterOptions } from 'nestjs-redis-pubsub/socket.io';
import { startGateway, type GatewayApp, type TestClient } from '../e2e/socket.io/gateway-app.js';
import { withOptions, type ConnectionOptions } from '../support/faults/connection-options.js';
import { NumberedChannel } from '../support/faults/numbered-channel.js';
import type { PlainPublisher } from '../support/faults/plain-publisher.js';
import { Recorder } from '../support/faults/recorder.js';
import { SteadyPublisher } from '../support/faults/steady-publisher.js';
import type { Topology } from '../support/faults/topology.js';
import { eventually } from '../support/redis.js';
import { APPLICATION } from './application-connections.js';
import { TestApplication, type NumberedChannels } from './application.js';
import type { Fault, FaultContext } from './fault.js';
import { settings } from './settings.js';

const ROOM = 'room';
/** Redis' name of the channel of the namespace. */
const CHANNEL = `_pubsub.socketio.${encodeSegment('')}.${encodeSegment('/')}`;

/** A gateway, its socket, and what the socket hears of the numbered broadcasts of the other gateway. */
interface Side {
  readonly gateway: GatewayApp;
  readonly client: TestClient;
  readonly heard: Recorder;
}

/**
 * Two gateways with the adapter of Socket.IO and a socket each. Both broadcast at a steady rate, and faults hit the
 * connections of the second one. What its own socket hears of itself needs no Redis, and is not recorded.
 */
export class SocketScenario implements FaultContext {
  readonly application: TestApplication;
  /** Faults that fill or move a channel take that of the namespace. */
  readonly channels: NumberedChannels = { plain: [new NumberedChannel(CHANNEL)], own: [] };
  readonly publisher: SteadyPublisher;
  readonly #publishers: readonly SteadyPublisher[];

  private constructor(
    readonly topology: Topology,
    readonly plain: PlainPublisher,
    readonly one: Side,
    readonly two: Side,
  ) {
    const { app, log } = two.gateway;
    this.application = new TestApplication(app, log, [one.heard, two.heard], []);
    this.publisher = broadcasts(one.gateway, two.heard.channel);
    this.#publishers = [this.publisher, broadcasts(two.gateway, one.heard.channel)];
  }

  /** `direct`: the connection of the first gateway. Default: that of the second one. */
  static async start(
    topology: Topology,
    direct: ConnectionOptions = topology.connection,
    adapter: SocketIoAdapterOptions = {},
  ): Promise<SocketScenario> {
    const plain = topology.createPublisher();
    await plain.ready();
    const one = await startSide('the first gateway', topology, direct, adapter);
    const struck = withOptions(topology.connection, { connectionName: APPLICATION });
    // The last one that starts gets the log lines.
    const two = await startSide('the second gateway', topology, struck, adapter);
    const scenario = new SocketScenario(topology, plain, one, two);
    for (const publisher of scenario.#publishers) publisher.start();
    await scenario.check();
    return scenario;
  }

  /** Injects a fault, and waits for the recovery. */
  async recoverFrom(fault: Fault): Promise<void> {
    const injection = await fault.inject(this);
    try {
      await injection.showsEffect?.();
    } finally {
      await injection.stop?.();
    }
    await this.receivesFromNowOn();
    await injection.cleanUp?.();
  }

  /** Resolves when each socket has heard a broadcast of now. */
  async receivesFromNowOn(): Promise<void> {
    const { recorders } = this.application;
    const marks = this.#marks();
    await eventually(
      () => recorders.every(({ last }, i) => last >= (marks[i] ?? 0)),
      () => `each socket hears broadcasts: ${recorders.map(describe).join(', ')}`,
    );
  }

  close(): void {
    for (const publisher of this.#publishers) publisher.stop();
    this.plain.close();
  }

  /** Checks every promise, for the broadcasts up to now. */
  async check(): Promise<void> {
    await this.receivesFromNowOn();
    await this.#assertQuestions();
    await this.#assertRooms();
    const marks = this.#marks();
    await this.receivesFromNowOn();
    // A gateway may be told a moment later that the other one could not publish.
    const violations = (): string[] => this.#violations(marks);
    await eventually(
      () => violations().length === 0,
      () => `${violations().length} violations:\n${violations().slice(0, 5).join('\n')}`,
    );
  }

  /** Broadcasts that a socket heard twice or in another order, and those that it lost without a word. */
  violations(): string[] {
    return this.#violations(this.application.recorders.map(({ last }) => last));
  }

  #violations(before: readonly number[]): string[] {
    return this.application.recorders.flatMap((it, i) => it.violations(before[i]));
  }

  #marks(): number[] {
    return this.application.recorders.map(({ channel }) => channel.next);
  }

  /** Each gateway can ask the other one. */
  async #assertQuestions(): Promise<void> {
    for (const { gateway } of [this.one, this.two]) {
      const count = (): Promise<number> =>
        gateway.io.fetchSockets().then(
          ({ length }) => length,
          () => 0,
        );
      await eventually(async () => (await count()) === 2, 'a gateway finds both sockets');
    }
  }

  async #assertRooms(): Promise<void> {
    const { client } = this.two;
    const marker = `${Date.now()}`;
    await client.socket.emitWithAck('join', ROOM);
    await eventually(() => {
      this.one.gateway.io.to(ROOM).emit('in room', marker);
      return client.events.some(([event, text]) => event === 'in room' && text === marker);
    }, 'a broadcast to a room arrives');
    await client.socket.emitWithAck('leave', ROOM);
  }
}

async function startSide(
  name: string,
  { isSharded, isLateAllowed }: Topology,
  connection: ConnectionOptions,
  adapter: SocketIoAdapterOptions,
): Promise<Side> {
  const pubsub = { connection, ...settings().heartbeat } as RedisPubSubModuleOptions;
  const gateway = await startGateway(pubsub, { sharded: isSharded, ...adapter });
  const client = await gateway.connect();
  const channel = new NumberedChannel(name, { first: 1, isLateAllowed });
  const heard = new Recorder(`the socket of ${name}`, channel);
  client.socket.on(name, ({ number }: { number: number }) => heard.record(number));
  client.socket.on('gap', ({ from, to }: Record<'from' | 'to', string>) =>
    heard.gaps.push({ from: new Date(from), to: new Date(to) }),
  );
  return { gateway, client, heard };
}

/** Broadcasts of one gateway, which the socket of the other one records. */
function broadcasts({ io }: GatewayApp, channel: NumberedChannel): SteadyPublisher {
  // Its own socket hears them as well, and listens to other events.
  return new SteadyPublisher([channel], async (event, data) => void io.emit(event, data));
}

function describe({ name, last, channel }: Recorder): string {
  return `${name}: ${last} of ${channel.describe()}`;
}
