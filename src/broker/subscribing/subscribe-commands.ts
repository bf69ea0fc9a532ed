import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/subscription-key.js';
import { stopRecordingNames } from '../connection/ioredis-internals.js';

/** Node reads all answers that have arrived in one go, and each takes microseconds: more would hold the event loop. */
const MAX_UNANSWERED = 2_048;

const COMMANDS = {
  channel: { subscribe: 'subscribe', unsubscribe: 'unsubscribe' },
  pattern: { subscribe: 'psubscribe', unsubscribe: 'punsubscribe' },
  shard: { subscribe: 'ssubscribe', unsubscribe: 'sunsubscribe' },
} as const;

/**
 * Sends the commands of a subscriber connection, and counts the names without an answer.
 *
 * @see https://redis.io/docs/latest/commands/subscribe/
 */
export class SubscribeCommands {
  readonly #client: Redis;
  readonly #onAnswer: () => void;
  /** Of the current connection. */
  #unanswered = { names: 0 };

  constructor(client: Redis, onAnswer: () => void) {
    this.#client = client;
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
    await this.#count(names.length, this.#client[COMMANDS[kind].subscribe](...names));
    // Only ioredis knows which shard channels Redis has ended on its own.
    if (kind !== 'shard') stopRecordingNames(this.#client);
  }

  unsubscribe(kind: SubscriptionKind, names: readonly string[]): Promise<unknown> {
    return this.#count(names.length, this.#client[COMMANDS[kind].unsubscribe](...names));
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
