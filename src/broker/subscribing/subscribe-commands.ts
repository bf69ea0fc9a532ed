import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/channel-pattern.js';
import { keepNoNames } from './keep-no-names.js';

/** Node reads all answers that are there in one go, and each costs microseconds: so many hold the event loop briefly. */
const MOST_UNANSWERED = 2_048;

const COMMANDS = {
  channel: { subscribe: 'subscribe', unsubscribe: 'unsubscribe' },
  pattern: { subscribe: 'psubscribe', unsubscribe: 'punsubscribe' },
  shard: { subscribe: 'ssubscribe', unsubscribe: 'sunsubscribe' },
} as const;

/** The commands of a subscriber connection, and for how many names Redis owes an answer. */
export class SubscribeCommands {
  readonly #client: Redis;
  readonly #onAnswer: () => void;
  #unanswered = 0;
  /** Counts connections: an answer may come after the end of its own. */
  #epoch = 0;

  constructor(client: Redis, onAnswer: () => void) {
    this.#client = client;
    this.#onAnswer = onAnswer;
  }

  /** Whether Redis should answer before it is told more. */
  get isBusy(): boolean {
    return this.#unanswered >= MOST_UNANSWERED;
  }

  /** The connection is gone. */
  reset(): void {
    this.#epoch++;
    this.#unanswered = 0;
  }

  async subscribe(kind: SubscriptionKind, names: readonly string[]): Promise<void> {
    await this.#count(names.length, this.#client[COMMANDS[kind].subscribe](...names));
    // Which shard channels Redis has ended on its own, only ioredis knows.
    if (kind !== 'shard') keepNoNames(this.#client);
  }

  unsubscribe(kind: SubscriptionKind, names: readonly string[]): Promise<unknown> {
    return this.#count(names.length, this.#client[COMMANDS[kind].unsubscribe](...names));
  }

  #count(names: number, answer: Promise<unknown>): Promise<unknown> {
    const epoch = this.#epoch;
    const onAnswer = (): void => {
      if (epoch !== this.#epoch) return;
      this.#unanswered -= names;
      this.#onAnswer();
    };
    this.#unanswered += names;
    answer.then(onAnswer, onAnswer);
    return answer;
  }
}
