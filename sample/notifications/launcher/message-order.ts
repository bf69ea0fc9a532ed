import type { TracedMessage } from '../process/traced-message.js';

/** Time that a received message waits for the line of its sender, in milliseconds. */
const HOLD_MS = 250;

interface Waiting {
  readonly traced: TracedMessage;
  readonly since: number;
}

/**
 * Puts the messages of several processes in order: sent before received. Redis answers a PUBLISH after it has
 * delivered the message, so that a sender often learns the number of receivers after they have the message.
 * The order of one process stays. Without a sender among the processes, such as redis-cli, a message waits
 * for {@link HOLD_MS}.
 */
export class MessageOrder {
  readonly #onMessage: (traced: TracedMessage) => void;
  /** By instance, oldest first. */
  readonly #queues = new Map<string, Waiting[]>();
  /** How many more times a message of a channel may be received, by the messages that were sent. */
  readonly #deliveries = new Map<string, { count: number; until: number }>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(onMessage: (traced: TracedMessage) => void) {
    this.#onMessage = onMessage;
  }

  add(traced: TracedMessage): void {
    const queue = this.#queues.get(traced.instance) ?? [];
    this.#queues.set(traced.instance, queue);
    // A process can receive its own message before it learns that it was sent.
    const own = traced.kind === 'sent' ? queue.findIndex(isReceiptOf(traced)) : -1;
    queue.splice(own === -1 ? queue.length : own, 0, { traced, since: performance.now() });
    this.#pass();
  }

  /** Passes on what still waits. */
  flush(): void {
    clearTimeout(this.#timer);
    for (const queue of this.#queues.values()) {
      for (const { traced } of queue.splice(0)) this.#onMessage(traced);
    }
  }

  #pass(): void {
    let hasPassed = true;
    while (hasPassed) {
      hasPassed = false;
      for (const queue of this.#queues.values()) {
        while (this.#passFirst(queue)) hasPassed = true;
      }
    }
    this.#schedule();
  }

  #passFirst(queue: Waiting[]): boolean {
    const [first] = queue;
    if (!first) return false;
    const { traced, since } = first;
    if (traced.kind === 'received' && !this.#take(traced.channel)) {
      if (performance.now() - since < HOLD_MS) return false;
      this.#passSender(traced);
    }
    // The sender can have been in this queue.
    queue.splice(queue.indexOf(first), 1);
    this.#emit(traced);
    return true;
  }

  /** Two processes can wait for each other. Then the sender of the message that waited longest is first. */
  #passSender(received: TracedMessage): void {
    for (const queue of this.#queues.values()) {
      const position = queue.findIndex(
        ({ traced }) => traced.kind === 'sent' && traced.channel === received.channel,
      );
      const [sent] = position === -1 ? [] : queue.splice(position, 1);
      if (!sent) continue;
      this.#emit(sent.traced);
      this.#take(received.channel);
      return;
    }
  }

  #emit(traced: TracedMessage): void {
    if (traced.kind === 'sent') {
      const { channel, receivers = 0 } = traced;
      this.#set(channel, this.#countOf(channel) + receivers);
    }
    this.#onMessage(traced);
  }

  /** Whether a message of this channel was sent and not received as often as it was delivered. */
  #take(channel: string): boolean {
    const count = this.#countOf(channel);
    if (count === 0) return false;
    this.#set(channel, count - 1);
    return true;
  }

  /** Counts expire: other clients, such as redis-cli, are receivers that have no line. */
  #countOf(channel: string): number {
    const delivery = this.#deliveries.get(channel);
    return delivery && delivery.until > performance.now() ? delivery.count : 0;
  }

  #set(channel: string, count: number): void {
    if (count === 0) this.#deliveries.delete(channel);
    else this.#deliveries.set(channel, { count, until: performance.now() + HOLD_MS });
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const heads = [...this.#queues.values()].flatMap(([first]) => first ?? []);
    if (heads.length === 0) return;
    const oldest = Math.min(...heads.map(({ since }) => since));
    const delay = Math.max(0, Math.ceil(oldest + HOLD_MS - performance.now()));
    this.#timer = setTimeout(() => this.#pass(), delay).unref();
  }
}

function isReceiptOf({ channel }: TracedMessage) {
  return ({ traced }: Waiting): boolean => traced.kind === 'received' && traced.channel === channel;
}
