import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../errors.js';
import { runOutside } from '../shared/async-context.js';
import type { RedisPubSubService } from '../module/redis-pubsub.service.js';
import type { ResumableStreamsOptions } from './resumable-options.js';
import { readStreamMessage, type StreamMessage } from './stream-message.js';

/** More than the chunks of a stream and what is stored beside them: Redis never removes the oldest. */
const LIST_SIZE = 100_000;
const RETRY_DELAY_MS = 100;
/** A server that took so long may be another one than before, without the last chunks. */
const SLOW_MS = 1_000;

/** Stores the messages of one stream. After {@link persevere} it tries again while Redis is away. */
export class StreamStore {
  readonly #pubsub: RedisPubSubService;
  readonly #channel: string;
  readonly #options: Required<ResumableStreamsOptions>;
  #isPatient = false;

  constructor(
    pubsub: RedisPubSubService,
    channel: string,
    options: Required<ResumableStreamsOptions>,
  ) {
    this.#pubsub = pubsub;
    this.#channel = channel;
    this.#options = options;
  }

  /**
   * Publishes a message that Redis keeps. It may be stored twice. Resolves to whether Redis may have lost earlier ones.
   * Rejects as `RedisPubSubService.publish`.
   */
  async add(message: StreamMessage): Promise<boolean> {
    const since = performance.now();
    const { ttl } = this.#options;
    const history = { size: LIST_SIZE, ttl };
    await this.#persist(() => this.#pubsub.publish(this.#channel, message, { history }));
    return performance.now() - since > SLOW_MS;
  }

  /** Publishes a message for those that listen now. Resolves also if that fails. */
  async announce(message: StreamMessage): Promise<void> {
    // The next one, or the next chunk, meets the same fault, and that is reported.
    await this.#pubsub.publish(this.#channel, message, { history: false }).catch(() => undefined);
  }

  /** The messages that Redis has, in their order. Rejects as `RedisPubSubService.history`. */
  async read(): Promise<readonly StreamMessage[]> {
    const { messages } = await this.#persist(() => this.#pubsub.history(this.#channel));
    return messages.flatMap(({ data }) => readStreamMessage(data) ?? []);
  }

  /** From now on, what fails is tried again. */
  persevere(): void {
    this.#isPatient = true;
  }

  /** From now on, nothing is tried again. */
  hurry(): void {
    this.#isPatient = false;
  }

  async #persist<R>(work: () => Promise<R>): Promise<R> {
    const since = performance.now();
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!this.#mayRetry(error, since)) throw error;
        await runOutside(() => delay(RETRY_DELAY_MS, undefined, { ref: false }));
      }
    }
  }

  #mayRetry(error: unknown, since: number): boolean {
    const limit = this.#limitMs(error);
    if (performance.now() - since < limit) return true;
    // What is stored next would wait for as long.
    if (limit > 0) this.hurry();
    return false;
  }

  /** How long to try again after an error. Nothing can be read of a stream that Redis has not had for its `ttl`. */
  #limitMs(error: unknown): number {
    if (!this.#isPatient) return 0;
    if (hasCode(error, 'ERR_PUBSUB_CONNECTION')) return this.#options.ttl;
    // A failover, a full memory or a disk that cannot save may pass. A missing right does not.
    const isRefused = hasCode(error, 'ERR_PUBSUB_PUBLISH') || hasCode(error, 'ERR_PUBSUB_QUERY');
    return isRefused ? this.#options.writerTimeout : 0;
  }
}
