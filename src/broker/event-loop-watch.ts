import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { telemetry } from '../telemetry.js';

/** How often the delay is told, in milliseconds. */
const INTERVAL = 1_000;
const RESOLUTION = 10;
const NANOSECONDS = 1e6;

/**
 * Tells by how much the event loop is late: messages wait that long before anybody sees them, and Redis
 * ends a subscriber that lets too many wait. Measures nothing while nobody listens.
 */
export class EventLoopWatch {
  #timer: NodeJS.Timeout | undefined;
  #histogram: IntervalHistogram | undefined;

  start(): void {
    this.#timer ??= setInterval(() => this.#tell(), INTERVAL).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#forget();
  }

  #tell(): void {
    if (!telemetry.lag.hasSubscribers) return this.#forget();
    if (this.#histogram) {
      const { mean, max } = this.#histogram;
      const late = (delay: number): number => Math.max(0, delay / NANOSECONDS - RESOLUTION);
      telemetry.lag.publish({ mean: late(mean), max: late(max) });
      this.#histogram.reset();
      return;
    }
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
    this.#histogram.enable();
  }

  #forget(): void {
    this.#histogram?.disable();
    this.#histogram = undefined;
  }
}
