import type { Delivery, DeliveryListener } from '../broker/broker.js';
import { channelKind, type SubscriptionKey } from '../channel/subscription-key.js';
import { hasCode, messageOf, shorten } from '../errors.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import type { BusExtension, ExtensibleBus } from '../transport/bus-extensions.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import { InstanceDescription } from './instance-description.js';
import {
  MAX_QUESTION_BYTES,
  questionChannel,
  readQuestion,
  type Question,
  type Verb,
} from './question.js';
import { RecentChannels } from './recent-channels.js';
import { StatusHistory } from './status-history.js';

/** How many questions an instance answers each second. Any client of Redis can ask all instances at once. */
const MAX_ANSWERS_PER_SECOND = 20;
const SECOND_MS = 1_000;

/** Answers the questions of `PubSubInspector` for one bus: a module, or a server without one. */
export class InstanceResponder implements BusExtension, DeliveryListener {
  readonly #bus: ExtensibleBus;
  readonly #key: SubscriptionKey;
  readonly #unheard = new RecentChannels();
  readonly #answers: Readonly<Record<Verb, () => object>>;
  readonly #logger = new OutsideLogger('RedisPubSub');
  readonly #unanswered = new RateLimitedLog(
    (line) => this.#logger.warn(line),
    (count) => `Cannot answer ${count} more questions of PubSubInspector`,
    1,
  );
  readonly #tooMany = new RateLimitedLog(
    (line) => this.#logger.warn(line),
    (count) => `${count} more questions of PubSubInspector get no answer`,
    1,
  );
  #isSubscribed = false;
  #second = 0;
  #answered = 0;

  constructor(bus: ExtensibleBus) {
    this.#bus = bus;
    const { sharded, prefix } = bus.options;
    // The other kind would need a connection of its own.
    this.#key = { kind: channelKind(sharded), name: questionChannel(bus.reserved, prefix) };
    const description = new InstanceDescription(bus, new StatusHistory(bus.broker));
    this.#answers = {
      ping: () => description.ping(),
      info: () => description.info(),
      stats: () => description.stats(),
      unheard: () => ({ ...description.ping(), ...this.#listUnheard() }),
    };
    bus.record.noReceivers.push((name, kind) => {
      if (!bus.reserved.has(name)) this.#unheard.add(name, kind);
    });
  }

  /** The responder of a bus, unless an option turns it off. */
  static create(this: void, bus: ExtensibleBus): InstanceResponder | undefined {
    return bus.options.introspection ? new InstanceResponder(bus) : undefined;
  }

  start(): void {
    if (this.#isSubscribed) return;
    this.#isSubscribed = true;
    this.#bus.broker.subscribe(this.#key, this, {
      onSubscribed: () => undefined,
      onFailed: (error) => this.#onFailed(error),
    });
  }

  stop(): void {
    this.#isSubscribed = false;
    this.#bus.broker.unsubscribe(this.#key, this);
  }

  onDelivery({ channel, payload }: Delivery): void {
    const isShort = payload.length <= MAX_QUESTION_BYTES;
    const question = isShort ? readQuestion(payload.text(), this.#bus.reserved) : undefined;
    if (!question) this.#bus.reader.reportDrop(channel, 'decode');
    else if (this.#hasAnswersLeft()) void this.#answer(question);
    else this.#onTooMany(channel);
  }

  async #answer({ verb, id, replyTo, replyKind }: Question): Promise<void> {
    try {
      const text = JSON.stringify({ id, instance: this.#answers[verb]() });
      await this.#bus.broker.publish(replyTo, text, replyKind);
    } catch (error) {
      this.#unanswered.add(
        () => `Cannot answer a question of PubSubInspector: ${messageOf(error)}`,
      );
    }
  }

  #onTooMany(channel: string): void {
    this.#bus.reader.reportDrop(channel, 'overflow');
    this.#tooMany.add(
      () =>
        `More than ${MAX_ANSWERS_PER_SECOND} questions a second arrived on "${shorten(channel)}": the others get no answer. Run fewer inspectors, or set introspection: false`,
    );
  }

  #hasAnswersLeft(): boolean {
    const now = performance.now();
    if (now - this.#second >= SECOND_MS) {
      this.#second = now;
      this.#answered = 0;
    }
    return ++this.#answered <= MAX_ANSWERS_PER_SECOND;
  }

  #listUnheard(): object {
    const { channels, hasMore } = this.#unheard.list();
    const { broker, options } = this.#bus;
    const isCertain = { channel: broker.countsReceivers('channel'), shard: true };
    const { length } = options.prefix;
    return {
      hasMore,
      channels: channels.map(({ name, kind, count, lastAt }) => ({
        channel: name.slice(length),
        kind,
        messages: count,
        lastAt: new Date(lastAt),
        isCertain: isCertain[kind],
      })),
    };
  }

  #onFailed(error: unknown): void {
    this.#isSubscribed = false;
    if (hasCode(error, 'ERR_PUBSUB_CLOSED')) return;
    this.#logger.warn(
      `PubSubInspector does not see this instance: ${messageOf(error)}. Allow the channel, or set introspection: false`,
    );
  }
}
