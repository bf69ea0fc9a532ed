import { Agent, type IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { closeAfterTest } from '../../support/app.js';
import type { Visitor } from './gateway.js';
import { getStream, readUntilReady } from './stream-response.js';

/** The delay before a page opens another stream, in milliseconds. */
const REOPEN_DELAY = 500;

/** A page with one connection, which opens another stream whenever its stream ends. */
export class KeepAlivePage {
  /** How many streams it opened on a connection that had carried one before. */
  reopened = 0;
  readonly #visitor: Visitor;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(visitor: Visitor) {
    this.#visitor = visitor;
    closeAfterTest(async () => this.#agent.destroy());
  }

  /** Resolves when its first stream is ready. */
  async open(): Promise<void> {
    const { response } = await getStream(this.#visitor, this.#agent);
    await readUntilReady(response);
    // It rejects when the gateway, or the connection, is gone.
    this.#reopenAfter(response).catch(() => undefined);
  }

  async #reopenAfter(ending: IncomingMessage): Promise<never> {
    let current = ending;
    for (;;) {
      await finished(current.resume());
      await delay(REOPEN_DELAY);
      const { response, isReused } = await getStream(this.#visitor, this.#agent);
      if (isReused) this.reopened++;
      current = response;
    }
  }
}
