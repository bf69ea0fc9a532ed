import type { Logger } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';
import type { Broker } from '../broker/broker.js';
import { messageOf } from '../errors.js';
import { runOutside } from '../shared/async-context.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/** After how long a start that waits for Redis logs the reason. Jest ends a hook after five seconds. */
const REPORT_AFTER_MS = 2_000;

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
    else if (onStart === 'wait') await this.#waitFor(connected, startTimeout);
    else await connected;
    this.#isDone = true;
  }

  /** The reason must be in the log before a test runner ends the hook that waits for the start. */
  async #waitFor(connected: Promise<void>, startTimeout: number): Promise<void> {
    let isWaiting = startTimeout > REPORT_AFTER_MS;
    const report = async (error: unknown): Promise<void> => {
      // Both may fail in the same tick, and then the start reports the reason.
      await setImmediate();
      if (!isWaiting) return;
      // The reason of a connection ends with a full stop of its own.
      const reason = messageOf(error).replace(/\.$/, '');
      this.#logger.error(
        `The start waits for Redis, up to ${startTimeout} ms: ${reason}. Start Redis, or check the option connection`,
      );
    };
    if (isWaiting) this.#broker.connect(REPORT_AFTER_MS).catch(report);
    try {
      await connected;
    } finally {
      isWaiting = false;
    }
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
