import type { Logger } from '@nestjs/common';
import type { ReadPacket } from '@nestjs/microservices';
import { isPromise } from 'node:util/types';
import { textOf } from '../errors.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';

/** Takes a packet before it is sent. It may be asynchronous, although Nest's type does not say so. */
type DispatchHook = (packet: ReadPacket) => unknown;

/** Nest's dispatch hooks, as many as were set. The last one set is called first. */
export class DispatchHooks {
  readonly #failures: RateLimitedLog;
  #hooks: readonly DispatchHook[] = [];

  constructor(logger: Pick<Logger, 'error'>) {
    this.#failures = new RateLimitedLog(
      (line) => logger.error(line),
      (count) => `The dispatch hook failed ${count} more times`,
    );
  }

  add(hook: DispatchHook): void {
    this.#hooks = [hook, ...this.#hooks];
  }

  /** Calls the hooks. Throws what one throws, and logs a rejection. */
  call(packet: ReadPacket): void {
    for (const hook of this.#hooks) {
      const called = hook(packet);
      if (!isPromise(called)) continue;
      called.catch((error) => this.#failures.add(() => `A dispatch hook failed: ${textOf(error)}`));
    }
  }
}
