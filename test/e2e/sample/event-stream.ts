import { EventEmitter, once } from 'node:events';
import type { Notification } from '../../../sample/notifications/contract/notification.js';

export interface StreamEvent {
  readonly type: string;
  readonly data: unknown;
  /** What a browser sends back as `Last-Event-ID`; empty if there is none. */
  readonly id: string;
}

/** A reader of named server-sent events, as a browser's EventSource is one. */
export class EventStream {
  readonly events: StreamEvent[] = [];
  /** Resolves when the headers arrive. */
  readonly opened: Promise<Response>;
  /** Resolves when the server has ended the stream, or `close` was called. */
  readonly ended: Promise<void>;
  readonly #controller = new AbortController();
  readonly #arrivals = new EventEmitter().setMaxListeners(0);

  constructor(url: string, headers: Record<string, string>) {
    this.opened = fetch(url, { headers, signal: this.#controller.signal });
    this.ended = this.#read().catch((error: unknown) => {
      if (!this.#controller.signal.aborted) throw error;
    });
    // A test that does not wait for the end must not fail with an unhandled rejection.
    this.ended.catch(() => undefined);
  }

  get notifications(): Notification[] {
    return this.of<Notification>('notification');
  }

  /** The id of the last event. */
  get lastEventId(): string {
    return this.events.at(-1)?.id ?? '';
  }

  get titles(): string[] {
    return this.notifications.map(({ title }) => title);
  }

  /** The data of every event of a type so far. */
  of<Data>(type: string): Data[] {
    return this.events.filter((event) => event.type === type).map(({ data }) => data as Data);
  }

  /** Resolves when `count` events of a type have arrived; rejects if the stream ends before. */
  has(type: string, count = 1): Promise<void> {
    return this.until(() => this.of(type).length >= count);
  }

  /** Resolves when the condition holds; rejects if the stream ends before. */
  async until(isEnough: () => boolean): Promise<void> {
    const endedBefore = this.ended.then(() => {
      if (isEnough()) return;
      throw new Error(`The stream ended after ${JSON.stringify(this.events)}`);
    });
    while (!isEnough()) await Promise.race([once(this.#arrivals, 'event'), endedBefore]);
    endedBefore.catch(() => undefined);
  }

  /** Resolves when the stream has ended, with or without an error. */
  async close(): Promise<void> {
    this.#controller.abort();
    await this.ended.catch(() => undefined);
  }

  async #read(): Promise<void> {
    const { body } = await this.opened;
    let text = '';
    for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop() ?? '';
      for (const event of blocks.map(parse).filter((it) => it !== undefined)) {
        this.events.push(event);
        this.#arrivals.emit('event');
      }
    }
  }
}

function parse(block: string): StreamEvent | undefined {
  const lines = block.split('\n');
  const valuesOf = (field: string): string[] =>
    lines
      .filter((line) => line.startsWith(`${field}: `))
      .map((line) => line.slice(field.length + 2));
  const data = valuesOf('data').join('\n');
  // A browser does not dispatch an event without data either.
  if (data === '') return undefined;
  const [type = 'message'] = valuesOf('event');
  return { type, data: parseData(data), id: valuesOf('id')[0] ?? '' };
}

function parseData(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
