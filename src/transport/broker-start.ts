import type { Logger } from '@nestjs/common';
import type { Broker } from '../broker/broker.js';
import { messageOf } from '../errors.js';
import type { ResolvedOptions } from '../options/options.js';

/** The start of a broker, as `onStart` wants it. */
export class StartUp {
  readonly #broker: Broker;
  readonly #options: Pick<ResolvedOptions, 'onStart' | 'startTimeout'>;
  readonly #logger: Pick<Logger, 'error'>;
  #beginning: Promise<void> | undefined;
  #isDone = false;
  #isWatched = false;

  constructor(
    broker: Broker,
    options: Pick<ResolvedOptions, 'onStart' | 'startTimeout'>,
    logger: Pick<Logger, 'error'>,
  ) {
    this.#broker = broker;
    this.#options = options;
    this.#logger = logger;
  }

  /** See `MessageBus#start`. */
  async run(): Promise<void> {
    const { onStart, startTimeout } = this.#options;
    const connected = this.#broker.connect(onStart === 'fail' ? 0 : startTimeout);
    if (onStart === 'background') this.#watch(connected);
    else await connected;
    this.#isDone = true;
  }

  /** See `MessageBus#begin`. */
  begin(): Promise<void> | undefined {
    if (this.#beginning || this.#isDone) return this.#beginning;
    const beginning = this.#begin();
    this.#beginning = beginning;
    const clear = (): void => {
      this.#beginning = undefined;
    };
    // Before all that waits for it, and no sooner: what comes later must not go first.
    beginning.then(clear, clear);
    return beginning;
  }

  /** Where nobody waits the log says how it went: once, although a module and its server both start it. */
  #watch(connected: Promise<void>): void {
    const isFirst = !this.#isWatched;
    this.#isWatched = true;
    connected
      .catch((error: unknown) => {
        const isClosed = this.#broker.status === 'disconnected';
        if (isFirst && !isClosed) {
          this.#logger.error(`Started without Redis: ${messageOf(error)}`);
        }
      })
      .finally(() => {
        this.#isWatched = false;
      });
  }

  async #begin(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      // Nobody else would: an application that cannot be made calls no hook.
      await this.#broker.close();
      throw error;
    }
  }
}
