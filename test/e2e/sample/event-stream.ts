import type { Notification } from '../../../sample/notifications/contract/notification.js';

const DATA = 'data: ';

/** A reader of server-sent events, as a browser's EventSource is one. */
export class EventStream {
  readonly notifications: Notification[] = [];
  /** Resolves on the headers: the server observes the channels by then. */
  readonly opened: Promise<Response>;
  /** Resolves when the server has ended the stream, or `close` was called. */
  readonly ended: Promise<void>;
  readonly #controller = new AbortController();

  constructor(url: string) {
    this.opened = fetch(url, { signal: this.#controller.signal });
    this.ended = this.#read().catch((error: unknown) => {
      if (!this.#controller.signal.aborted) throw error;
    });
  }

  get titles(): string[] {
    return this.notifications.map(({ title }) => title);
  }

  close(): void {
    this.#controller.abort();
  }

  async #read(): Promise<void> {
    const { body } = await this.opened;
    let text = '';
    for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      const data = lines.filter((line) => line.startsWith(DATA));
      this.notifications.push(
        ...data.map((line) => JSON.parse(line.slice(DATA.length)) as Notification),
      );
    }
  }
}
