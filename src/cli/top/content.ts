import { messageOf } from '../../errors.js';
import type { Content } from './frame.js';
import { Rates } from './rates.js';
import type { Snapshot } from './snapshot.js';
import { summaryOf, tablesOf } from './tables.js';

/** What is drawn of a snapshot, and of the one before it. */
export function contentOf(before: Snapshot | undefined, now: Snapshot, heading: string): Content {
  const rates = new Rates(before, now);
  return {
    heading,
    summary: summaryOf(now, rates),
    tables: tablesOf(now, rates, Date.now()),
  };
}

/** Resolves when this time has passed, or at once when the process is told to end. */
export function passed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

/** One line on why there is no new snapshot. */
export function failureText(error: unknown): string {
  return `Cannot ask (${messageOf(error)}); asking again`;
}
