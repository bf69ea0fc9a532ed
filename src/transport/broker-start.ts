import type { Logger } from '@nestjs/common';
import type { Broker } from '../broker/broker.js';
import { messageOf } from '../errors.js';
import { runOutside } from '../shared/async-context.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/** Starts a broker as the option `onStart` asks for. */
export class BrokerStart {
  readonly #broker: Broker;
  readonly #options: Pick<ResolvedOptions, 'onStart' | 'startTimeout'>;
  readonly #logger: Pick<Logger, 'error'>;
  #early: Promise<void> | undefined;
  #isDone = false;
  #isInBackground = false;

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
  async start(): Promise<void> {
    const { onStart, startTimeout } = this.#options;
    const connected = this.#broker.connect(onStart === 'fail' ? 0 : startTimeout);
    if (onStart === 'background') this.#logFailure(connected);
    else await connected;
    this.#isDone = true;
  }

  /** See `MessageBus#startEarly`. */
  startEarly(): Promise<void> | undefined {
    if (this.#early || this.#isDone) return this.#early;
    const early = runOutside(() => this.#startOrClose());
    this.#early = early;
    const clear = (): void => {
      this.#early = undefined;
    };
    // This runs before the callers' own handlers: a later message must not be sent before theirs.
    early.then(clear, clear);
    return early;
  }

  /** In the background a failure is logged: once, although a module and its server both start the broker. */
  #logFailure(connected: Promise<void>): void {
    const isFirst = !this.#isInBackground;
    this.#isInBackground = true;
    connected
      .catch((error: unknown) => {
        const isClosed = this.#broker.status === 'disconnected';
        if (isFirst && !isClosed) {
          this.#logger.error(`Started without Redis; retrying: ${messageOf(error)}`);
        }
      })
      .finally(() => {
        this.#isInBackground = false;
      });
  }

  async #startOrClose(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      // Nest calls no shutdown hook of an application that could not be created.
      await this.#broker.close();
      throw error;
    }
  }
}
