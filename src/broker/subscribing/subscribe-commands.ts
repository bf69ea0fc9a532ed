import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/subscription-key.js';
import { ShardSubscribe, stopRecordingNames } from '../connection/ioredis-internals.js';

/** Node reads all answers that have arrived in one go, and each takes microseconds: more would hold the event loop. */
const MAX_UNANSWERED = 2_048;

const SUBSCRIBE = { channel: 'subscribe', pattern: 'psubscribe' } as const;
const UNSUBSCRIBE = {
  channel: 'unsubscribe',
  pattern: 'punsubscribe',
  shard: 'sunsubscribe',
} as const;

/**
 * Sends the commands of a subscriber connection, and counts the names without an answer.
 *
 * @see https://redis.io/docs/latest/commands/subscribe/
 */
export class SubscribeCommands {
  readonly #client: Redis;
  readonly #shardSubscribe: ShardSubscribe;
  readonly #onAnswer: () => void;
  /** Of the current connection. */
  #unanswered = { names: 0 };

  constructor(client: Redis, onAnswer: () => void) {
    this.#client = client;
    this.#shardSubscribe = new ShardSubscribe(client);
    this.#onAnswer = onAnswer;
  }

  /** Whether Redis should answer before it receives more. */
  get isBusy(): boolean {
    return this.#unanswered.names >= MAX_UNANSWERED;
  }

  /** The connection is lost: Redis owes no answers. */
  onConnectionLost(): void {
    this.#unanswered = { names: 0 };
  }

  async subscribe(kind: SubscriptionKind, names: readonly string[]): Promise<void> {
    if (kind === 'shard') {
      // ioredis keeps these names: only it knows which shard channels Redis has ended on its own.
      await this.#count(names.length, this.#shardSubscribe.send(names));
    } else {
      await this.#count(names.length, this.#client[SUBSCRIBE[kind]](...names));
      stopRecordingNames(this.#client);
    }
  }

  unsubscribe(kind: SubscriptionKind, names: readonly string[]): Promise<unknown> {
    return this.#count(names.length, this.#client[UNSUBSCRIBE[kind]](...names));
  }

  #count(names: number, answer: Promise<unknown>): Promise<unknown> {
    const unanswered = this.#unanswered;
    unanswered.names += names;
    const onAnswer = (): void => {
      unanswered.names -= names;
      this.#onAnswer();
    };
    answer.then(onAnswer, onAnswer);
    return answer;
  }
}
