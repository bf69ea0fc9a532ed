import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { createIoredis, type ConnectionOptions } from '../support/faults/connection-options.js';
import type { NumberedChannel } from '../support/faults/numbered-channel.js';
import { Recorder } from '../support/faults/recorder.js';

/** A plain ioredis subscriber: a counter-proof shows with it that a fault does harm without this package. */
export class IoredisSubscriber {
  /** The events of ioredis since it subscribed, in their order. */
  readonly events: string[] = [];
  readonly recorder: Recorder;

  private constructor(
    readonly client: Redis | Cluster,
    channel: NumberedChannel,
  ) {
    this.recorder = new Recorder('ioredis', channel);
    for (const event of ['message', 'smessage']) {
      client.on(event, (_: string, message: string) => this.recorder.record(numberOf(message)));
    }
    for (const event of ['ready', 'close', 'error', 'end']) {
      client.on(event, () => this.events.push(event));
    }
  }

  /** Subscribes with SUBSCRIBE; resolves when Redis acknowledges it. */
  static async start(
    connection: ConnectionOptions,
    channel: NumberedChannel,
  ): Promise<IoredisSubscriber> {
    const subscriber = new IoredisSubscriber(createIoredis(connection), channel);
    await subscriber.client.subscribe(channel.name);
    subscriber.events.length = 0;
    return subscriber;
  }

  /** Subscribes with SSUBSCRIBE at the node that owns the slot; resolves when the node acknowledges it. */
  static async startSharded(
    owner: RedisOptions,
    channel: NumberedChannel,
  ): Promise<IoredisSubscriber> {
    const subscriber = new IoredisSubscriber(createIoredis(owner), channel);
    await subscriber.client.ssubscribe(channel.name);
    subscriber.events.length = 0;
    return subscriber;
  }

  /** Whether a message with this number or a higher one arrived. */
  receives(from: number): boolean {
    return this.recorder.last >= from;
  }

  close(): void {
    this.client.disconnect();
  }
}

/** The number of a message. Its pad may have megabytes, so this does not parse the JSON. */
const numberOf = (message: string): number => Number(/"number":(\d+)/.exec(message)?.[1] ?? -1);
