import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { startPrivateRedis, type PrivateRedis } from '../../support/private-redis.js';
import { HISTORY, PREFIX, userChannel } from '../contract/channels.js';
import { Deliveries } from './deliveries.js';
import { GatewayProcess } from './gateway-process.js';
import { notificationOf } from './notification.js';
import type { LoadOptions } from './options.js';
import { pace } from './pace.js';
import { processUsage, type ProcessUsage } from './process-usage.js';
import { redisUsage } from './redis-usage.js';
import type { LoadResult } from './report.js';
import { UserStream } from './user-stream.js';
import { signInUsers, type SignedInUser } from './signed-in-users.js';

/** The number of streams that are opened at the same time. */
const CONCURRENT_OPENINGS = 50;
/** Time without any delivery after which missing notifications count as lost, in milliseconds. */
const LOST_AFTER_MS = 5_000;
const POLL_INTERVAL_MS = 20;

/** What a run needs of the processes that it starts. */
interface Processes {
  readonly redis: PrivateRedis;
  readonly gateways: readonly GatewayProcess[];
  readonly client: RedisPubSubClient;
}

/** Starts a private Redis server and the gateways, opens the streams, emits the notifications and measures. */
export class LoadRun {
  readonly #options: LoadOptions;
  readonly #deliveries: Deliveries;
  readonly #streams: UserStream[] = [];
  readonly #onProgress: (progress: string) => void;

  constructor(options: LoadOptions, onProgress: (progress: string) => void) {
    this.#options = options;
    this.#deliveries = new Deliveries(options.rate * options.seconds, options.streams);
    this.#onProgress = onProgress;
  }

  async run(): Promise<LoadResult> {
    const { gateways: count, streams } = this.#options;
    this.#onProgress(
      `Starting a Redis server and ${count === 1 ? 'a gateway' : `${count} gateways`}`,
    );
    const redis = await startPrivateRedis();
    const secret = randomBytes(32).toString('hex');
    const env = { REDIS_URL: redis.url, SESSION_SECRET: secret };
    const gateways = Array.from(
      { length: count },
      (_, i) => new GatewayProcess(`gateway-${i}`, env),
    );
    const client = new RedisPubSubClient({
      connection: redis.url,
      prefix: PREFIX,
      history: HISTORY,
    });
    try {
      const urls = await Promise.all(gateways.map((gateway) => gateway.url()));
      await client.connect();
      const users = await signInUsers(streams, secret);
      return await this.#measure({ redis, gateways, client }, urls, users);
    } finally {
      for (const stream of this.#streams) stream.close();
      await client.close();
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await redis.stop();
    }
  }

  async #measure(
    { redis, gateways, client }: Processes,
    urls: readonly string[],
    users: readonly SignedInUser[],
  ): Promise<LoadResult> {
    const { rate, seconds } = this.#options;
    const usages = (): Promise<ProcessUsage[]> => Promise.all(gateways.map((it) => it.usage()));
    const started = await usages();
    this.#onProgress(`Opening ${users.length} streams`);
    const openingTime = await this.#openStreams(urls, users);

    this.#onProgress(`Emitting ${rate} notifications per second for ${seconds} s`);
    const [before, redisBefore, ownBefore] = [
      await usages(),
      await redisUsage(redis.url),
      processUsage(),
    ];
    const start = performance.now();
    const emittingTime = await this.#emit(client, users);
    await this.#waitForDeliveries();
    const duration = performance.now() - start;
    const [after, redisAfter, ownAfter] = [
      await usages(),
      await redisUsage(redis.url),
      processUsage(),
    ];
    return {
      streams: {
        opened: this.#streams.length,
        openingTime,
        openAtEnd: this.#streams.filter(({ isOpen }) => isOpen).length,
      },
      deliveries: this.#deliveries.counts,
      latencies: this.#deliveries.latencies,
      emittingTime,
      duration,
      gateways: { started, before, after },
      redisCpu: redisAfter.cpu - redisBefore.cpu,
      generatorCpu: ownAfter.cpu - ownBefore.cpu,
    };
  }

  /** Resolves when every stream is ready, to the time that this took, in milliseconds. */
  async #openStreams(urls: readonly string[], users: readonly SignedInUser[]): Promise<number> {
    const start = performance.now();
    const waiting = users.entries();
    const openOneByOne = async (): Promise<void> => {
      for (const [number, user] of waiting) {
        const url = urls[number % urls.length] ?? '';
        const stream = new UserStream(url, user, (sequence) =>
          this.#deliveries.recordDelivery(sequence, number),
        );
        this.#streams.push(stream);
        await stream.opened();
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT_OPENINGS }, openOneByOne));
    return performance.now() - start;
  }

  #emit(client: RedisPubSubClient, users: readonly SignedInUser[]): Promise<number> {
    const { rate, seconds } = this.#options;
    const channels = users.map(({ id }) => userChannel(id));
    return pace(rate * seconds, rate, (sequence) => {
      const number = Math.floor(Math.random() * users.length);
      const [user, channel] = [users[number], channels[number]];
      if (!user || !channel) return;
      const notification = notificationOf(user.id, sequence);
      this.#deliveries.recordEmit(sequence, number);
      client.emit(channel, notification);
    });
  }

  /** Resolves when all notifications are delivered, or none has been delivered for LOST_AFTER_MS. */
  async #waitForDeliveries(): Promise<void> {
    while (!this.#deliveries.isComplete && this.#deliveries.quietTime < LOST_AFTER_MS)
      await delay(POLL_INTERVAL_MS);
  }
}
