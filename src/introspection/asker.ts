import { whenSubscribed, type Delivery, type DeliveryListener } from '../broker/broker.js';
import { CHANNEL_KINDS, channelKind, type ChannelKind } from '../channel/subscription-key.js';
import { ClosedError, hasCode } from '../errors.js';
import type { ExtensibleBus } from '../transport/bus-extensions.js';
import { InstanceQuestion, type Answers, type OpenQuestion } from './instance-question.js';
import { parseRecord, questionChannel, type Question, type Verb } from './question.js';

/** No answer is larger: a client that is no instance may have sent it. */
const MAX_ANSWER_BYTES = 2 ** 21;

/** Asks all instances a question, and receives their answers in an inbox of its own. */
export class Asker implements DeliveryListener {
  readonly #bus: ExtensibleBus;
  readonly #connect: (timeoutMs: number) => Promise<void>;
  readonly #channel: string;
  readonly #inbox: { readonly kind: ChannelKind; readonly name: string };
  readonly #questions = new Map<string, OpenQuestion>();
  /** The kinds of channels that Redis has refused to publish to. */
  readonly #refused = new Set<ChannelKind>();
  #opening: Promise<void> | undefined;
  #lastId = 0;
  #isClosed = false;

  /** `connect` is called before each question. */
  constructor(bus: ExtensibleBus, connect: (timeoutMs: number) => Promise<void>) {
    this.#bus = bus;
    this.#connect = connect;
    const { prefix, sharded } = bus.options;
    this.#channel = questionChannel(bus.reserved, prefix);
    this.#inbox = { kind: channelKind(sharded), name: bus.reserved.createInbox() };
  }

  /** Resolves when all have answered, or after `timeoutMs`. Rejects if Redis has not taken the question by then. */
  async ask<Instance extends { readonly id: string }>(
    verb: Verb,
    timeoutMs: number,
    read: (value: unknown) => Instance | undefined,
  ): Promise<Answers<Instance>> {
    if (this.#isClosed) throw new ClosedError();
    const { broker } = this.#bus;
    const question = new InstanceQuestion(timeoutMs, read, (onRead) =>
      broker.whenRead(this.#inbox, onRead),
    );
    const id = String(++this.#lastId);
    this.#questions.set(id, question);
    this.#send(question, { verb, id }, timeoutMs).catch((error: unknown) => question.fail(error));
    return question.answers.finally(() => this.#questions.delete(id));
  }

  onDelivery({ payload }: Delivery): void {
    if (payload.length > MAX_ANSWER_BYTES) return;
    const { id, instance } = parseRecord(payload.text()) ?? {};
    if (typeof id === 'string') this.#questions.get(id)?.add(instance);
  }

  /** Fails the questions without an answer, and unsubscribes. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const question of this.#questions.values()) question.fail(new ClosedError());
    if (this.#opening) this.#bus.broker.unsubscribe(this.#inbox, this);
    this.#opening = undefined;
  }

  async #send(
    question: OpenQuestion,
    asked: Pick<Question, 'verb' | 'id'>,
    timeoutMs: number,
  ): Promise<void> {
    await this.#connect(timeoutMs);
    await this.#openInbox();
    const { kind: replyKind, name: replyTo } = this.#inbox;
    const text = JSON.stringify({ ...asked, replyTo, replyKind } satisfies Question);
    // An instance with shard channels listens to no other, so that it needs no further connection.
    const counts = CHANNEL_KINDS.map((kind) => this.#publish(kind, text, () => question.onAsked()));
    const outcomes = await Promise.allSettled(counts);
    const [first] = outcomes;
    const isRefused = outcomes.every(({ status }) => status === 'rejected');
    if (isRefused && first?.status === 'rejected') throw first.reason;
    const values = outcomes.map((it) => (it.status === 'fulfilled' ? it.value : undefined));
    if (values.every((value) => value !== undefined)) {
      question.expect(values.reduce((sum, value) => sum + value, 0));
    }
  }

  /** Resolves to the number of instances that receive it, where that is known. Rejects if none does. */
  async #publish(
    kind: ChannelKind,
    text: string,
    onAsked: () => void,
  ): Promise<number | undefined> {
    if (this.#refused.has(kind)) return 0;
    try {
      const receivers = await this.#bus.broker.publish(this.#channel, text, kind);
      onAsked();
      // Globs receive no shard channels. Of others, a handler of "*" counts as a receiver, and does not answer.
      return kind === 'shard' ? receivers : await this.#countInstances();
    } catch (error) {
      // Redis before 7.0 has no shard channels, and an ACL may forbid one kind.
      if (kind !== 'shard' || !hasCode(error, 'ERR_PUBSUB_PUBLISH')) throw error;
      this.#refused.add(kind);
      return 0;
    }
  }

  async #countInstances(): Promise<number | undefined> {
    const { broker } = this.#bus;
    // Each node of a Cluster would be asked, over a connection of its own.
    if (!broker.countsReceivers('channel')) return undefined;
    try {
      const counts = await broker.subscriberCounts([this.#channel]);
      return counts.get(this.#channel) ?? 0;
    } catch {
      // The user may not call PUBSUB: the question then takes its whole time.
      return undefined;
    }
  }

  #openInbox(): Promise<void> {
    this.#opening ??= whenSubscribed(this.#bus.broker, this.#inbox, this).catch(
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }
}
