import { EventEmitter, once } from 'node:events';

const received: string[] = [];
const events = new EventEmitter();

/** Stores a line about a message that a handler received, for `printReceived`. */
export function recordReceived(line: string): void {
  received.push(line);
  events.emit('line');
}

/**
 * Waits for `count` lines from handlers and prints them in sorted order, because messages of different
 * subscriptions can arrive in any order.
 */
export async function printReceived(count: number): Promise<void> {
  while (received.length < count) await once(events, 'line');
  for (const line of received.splice(0).toSorted()) console.log(`  ${line}`);
}
