import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { inspect } from 'node:util';
import { ChannelPattern, type ChannelParams } from '../channel/channel-pattern.js';
import { matchTokens, parseGlob, toByteString } from '../channel/glob.js';
import { NO_HEADERS, type Headers } from '../codec/codec.js';
import { messageOf } from '../errors.js';
import { ChunkPayload } from '../shared/payload.js';
import type { Delivery } from '../broker/broker.js';
import type { MessageView } from '../broker/topology-provider.js';
import { handleTracing, type HandleTrace } from '../telemetry.js';
import { deliveryOf } from '../transport/trace-handler.js';
import { serverOf, type InMemoryRedis } from './in-memory-redis.js';
import type { InMemoryServer, PublishedPayload } from './in-memory-server.js';

/** Taken when the module is loaded, so that fake timers do not hold them. */
const [nextTurn, startTimer, stopTimer] = [setImmediate, setTimeout, clearTimeout];

const DEFAULT_TIMEOUT_MS = 1_000;
/** The longest that Node's timers have: longer ones end after one millisecond. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** How many messages an error names. */
const MAX_LISTED = 10;

/** A message that an application published, or the test itself. */
export interface PublishedMessage<T = unknown> {
  /** Without the prefix of the application that published it. */
  readonly channel: string;
  readonly data: T;
  readonly headers: Headers;
  /** The number of subscriptions that it was delivered to. */
  readonly receivers: number;
}

/** A message that a handler or an observer handled. */
export interface HandledMessage<T = unknown> {
  /** Without the prefix of the application that handled it. */
  readonly channel: string;
  /** The pattern of the handler. */
  readonly pattern: string;
  /** The values of the `:name` segments of the pattern that the test looks for. */
  readonly params: ChannelParams;
  /** What the handler received, with the changes that it made. {@link PubSubRecorder.published} has none. */
  readonly data: T;
  readonly headers: Headers;
  /** What the handler threw, as an error; absent if it succeeded. Another value that it threw is the `cause`. */
  readonly error?: Error;
}

/** How long a {@link PubSubRecorder} waits. */
export interface WaitOptions {
  /**
   * In milliseconds of real time, also with fake timers. With `Infinity` the timeout of the test ends it.
   *
   * @defaultValue `1000`
   */
  readonly timeout?: number;
}

/**
 * Records what is published to an {@link InMemoryRedis} and what is handled, from its construction to `close`. Patterns
 * are those of decorators, such as `user.*` and `user.:id`. The channels that this package uses itself are left out.
 */
export class PubSubRecorder {
  readonly #server: InMemoryServer;
  readonly #removeListener: () => void;
  readonly #published: PublishedMessage[] = [];
  readonly #handled: HandledMessage[] = [];
  readonly #running = new Set<HandleTrace>();
  /** Sentences about messages that reached no handler for want of a prefix. */
  readonly #withoutPrefix = new Set<string>();
  #isClosed = false;
  /** Called after each message that was handled. */
  readonly #waiters = new Set<() => void>();
  readonly #subscribers = {
    start: (trace: HandleTrace) => this.#onStart(trace),
    end: (trace: HandleTrace) => this.#onEnd(trace),
    asyncEnd: (trace: HandleTrace) => this.#onEnd(trace),
  };

  constructor(redis: InMemoryRedis) {
    this.#server = serverOf(redis);
    this.#removeListener = this.#server.onPublish((message) => this.#onPublish(message));
    handleTracing.start.subscribe(this.#subscribers.start as never);
    handleTracing.end.subscribe(this.#subscribers.end as never);
    handleTracing.asyncEnd.subscribe(this.#subscribers.asyncEnd as never);
  }

  /** The messages that were published on channels that match, in their order. Default: all. */
  published<T = unknown>(pattern?: string): PublishedMessage<T>[] {
    const matches = matcherOf(pattern);
    return this.#published.filter(({ channel }) => matches(channel)) as PublishedMessage<T>[];
  }

  /** The messages that were handled on channels that match, in the order in which their handlers ended. Default: all. */
  handled<T = unknown>(pattern?: string): HandledMessage<T>[] {
    const matches = matcherOf(pattern);
    return this.#handled.flatMap((message) => {
      const params = matches(message.channel);
      return params ? [{ ...(message as HandledMessage<T>), params }] : [];
    });
  }

  /**
   * Resolves to the first message on a matching channel that was handled, or is handled soon. A handler that failed
   * counts, too: look at `error`.
   *
   * @param predicate - Returns whether it is the message that the test waits for. Default: the first one.
   * @throws Error after the timeout: it says which messages there were.
   */
  async waitFor<T = unknown>(
    pattern: string,
    predicate: (message: HandledMessage<T>) => boolean = () => true,
    { timeout = DEFAULT_TIMEOUT_MS }: WaitOptions = {},
  ): Promise<HandledMessage<T>> {
    let found: HandledMessage<T> | undefined;
    const find = (): boolean => {
      found = this.handled<T>(pattern).find(predicate);
      return found !== undefined;
    };
    await within(
      timeout,
      (signal) => this.#whenHandled(find, signal),
      () =>
        `Expected a handled message on "${pattern}" within ${timeout} ms. ${this.#describe(pattern)}`,
    );
    // Not looked for again: the predicate may count its calls, and the test may have called `clear`.
    return found as unknown as HandledMessage<T>;
  }

  /**
   * Resolves when every message has arrived and every handler has ended, also those of the messages that handlers
   * publish.
   *
   * @throws Error after the timeout: it names the handlers that still run.
   */
  async idle({ timeout = DEFAULT_TIMEOUT_MS }: WaitOptions = {}): Promise<void> {
    const hasEnded = (): boolean => this.#running.size === 0;
    await within(
      timeout,
      async (signal) => {
        do {
          await this.#server.whenIdle();
          await this.#whenHandled(hasEnded, signal);
          // What a handler does after its last `await` may publish again.
          await new Promise(nextTurn);
        } while (!signal.aborted && (!hasEnded() || !this.#server.isIdle));
      },
      () => this.#describeRunning(timeout),
    );
  }

  /** Forgets all messages so far. */
  clear(): void {
    this.#published.length = this.#handled.length = 0;
    this.#withoutPrefix.clear();
  }

  /** Records nothing more. Idempotent. */
  close(): void {
    this.#removeListener();
    handleTracing.start.unsubscribe(this.#subscribers.start as never);
    handleTracing.end.unsubscribe(this.#subscribers.end as never);
    handleTracing.asyncEnd.unsubscribe(this.#subscribers.asyncEnd as never);
    this.#isClosed = true;
    // Their end is not seen any more.
    this.#running.clear();
    for (const look of this.#waiters) look();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #onPublish({ channel: name, kind, payload, receivers, view: publisher }: PublishedPayload): void {
    const view = publisher ?? this.#server.viewFor(name);
    if (view?.isReserved(name)) return;
    const channel = name.slice(view?.prefix.length ?? 0);
    this.#published.push({ channel, ...readMessage(payload, channel, view), receivers });
    const prefix = receivers === 0 ? this.#server.missingPrefix(name, kind) : undefined;
    if (prefix === undefined) return;
    this.#withoutPrefix.add(`"${name}" was published without the prefix "${prefix}"`);
  }

  #onStart(trace: HandleTrace): void {
    const delivery = deliveryOf(trace);
    if (delivery && this.#server.viewOf(delivery)) this.#running.add(trace);
  }

  #onEnd(trace: HandleTrace): void {
    // An asynchronous handler has only returned.
    if (trace.duration === undefined || !this.#running.delete(trace)) return;
    const { pattern } = trace;
    const delivery = deliveryOf(trace) as Delivery;
    const view = this.#server.viewOf(delivery);
    const decoded = delivery.decoded as { data?: unknown; metadata?: Headers } | undefined;
    this.#handled.push({
      channel: delivery.channel.slice(view?.prefix.length ?? 0),
      pattern,
      params: {},
      data: decoded?.data,
      headers: decoded?.metadata ?? NO_HEADERS,
      ...('error' in trace && { error: trace.error }),
    });
    for (const look of this.#waiters) look();
  }

  /** Resolves when `isTrue` returns true after a message was handled, or at once. Rejects with what it throws. */
  async #whenHandled(isTrue: () => boolean, signal: AbortSignal): Promise<void> {
    if (isTrue()) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        try {
          if (!signal.aborted && !isTrue()) return;
          resolve();
        } catch (error) {
          reject(error);
        }
        this.#waiters.delete(look);
      };
      this.#waiters.add(look);
    });
  }

  #describe(pattern: string): string {
    const handled = this.handled();
    const unhandled = this.published(pattern);
    return [
      `Handled: ${describeAll(handled)}`,
      `Published on it: ${describeAll(unhandled)}`,
      ...this.#describeHandlers(),
      ...this.#withoutPrefix,
      ...(this.#isClosed ? ['The recorder is closed'] : []),
      ...this.#server.hints,
    ].join('. ');
  }

  #describeHandlers(): string[] {
    const running = [...this.#running].map(
      ({ pattern, channel }) => `the handler of "${pattern}" on "${channel}"`,
    );
    return running.length === 0 ? [] : [`Still running: ${running.join(', ')}`];
  }

  #describeRunning(timeoutMs: number): string {
    const [running = 'Still running: messages that are under way'] = this.#describeHandlers();
    const expected = `Expected every handler to end within ${timeoutMs} ms`;
    return [expected, running, ...this.#server.hints].join('. ');
  }
}

function describeAll(messages: readonly (PublishedMessage | HandledMessage)[]): string {
  if (messages.length === 0) return 'none';
  return messages.slice(-MAX_LISTED).map(describeMessage).join(', ');
}

function describeMessage({ channel, data, ...rest }: PublishedMessage | HandledMessage): string {
  const text = inspect(data, { depth: 2, breakLength: Infinity, maxStringLength: 100 });
  return `"${channel}" ${text}${'error' in rest ? ` (failed: ${messageOf(rest.error)})` : ''}`;
}

function matcherOf(pattern = '*'): (channel: string) => ChannelParams | undefined {
  const parsed = ChannelPattern.parse(pattern);
  if (parsed.hasParams) return (channel) => parsed.match(channel);
  // What has no parameters, Redis compares, and `match` does not.
  if (parsed.kind === 'channel') return (channel) => (channel === parsed.name ? {} : undefined);
  const tokens = parseGlob(parsed.name);
  return (channel) => (matchTokens(tokens, toByteString(channel)) ? {} : undefined);
}

/** The message in a payload; its text if no application can read it. */
function readMessage(
  payload: Buffer,
  channel: string,
  view: MessageView | undefined,
): Pick<PublishedMessage, 'data' | 'headers'> {
  try {
    const message = view?.decode(new ChunkPayload(payload), channel);
    if (message) return { data: message.data, headers: message.metadata ?? NO_HEADERS };
  } catch {
    // As a handler, which would drop it.
  }
  return { data: payload.toString(), headers: NO_HEADERS };
}

/** Rejects when `work` takes longer. Aborts its signal when the wait is over. */
async function within(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  describe: () => string,
): Promise<void> {
  // Created here, so that its stack shows the test.
  const late = new Error();
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = startTimer(
      () => {
        late.message = describe();
        reject(late);
      },
      Math.min(timeoutMs, MAX_DELAY_MS),
    );
  });
  try {
    await Promise.race([work(controller.signal), expired]);
  } finally {
    stopTimer(timer);
    controller.abort();
  }
}
