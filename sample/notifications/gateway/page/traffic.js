/** @import { PassedMessage, TrafficEntry } from './types.js' */

/** The number of messages that the page keeps. */
export const TRAFFIC_SIZE = 40;

/**
 * Adds messages at the end and removes the oldest ones above the limit. Each gets a number, because the same
 * message can pass several times.
 *
 * @param {readonly TrafficEntry[]} traffic
 * @param {readonly PassedMessage[]} messages
 * @returns {readonly TrafficEntry[]}
 */
export function addTraffic(traffic, messages) {
  const first = (traffic.at(-1)?.number ?? 0) + 1;
  const added = messages.map((message, i) => ({ ...message, number: first + i }));
  return [...traffic, ...added].slice(-TRAFFIC_SIZE);
}
