import type { RedisCommand } from '../../harness/redis-server.js';
import { channelNames } from '../../workload/channels.js';
import { dataOf, packetOf } from '../../workload/payloads.js';

/** How many messages a list has. */
export const LIST_SIZE = 100;

/** Commands that fill a list for each of the first channels, as a publisher of this package does. */
export function keepMessages(channels: number, bytes: number): RedisCommand[] {
  return forEach(channels, bytes, (channel) => append(channel, 1, LIST_SIZE));
}

/** Commands that publish one message on each channel, and add it to its list. */
export function deliverMessages(channels: number, bytes: number, number: number): RedisCommand[] {
  return forEach(channels, bytes, (channel) => [
    ...append(channel, number, number),
    ['PUBLISH', channel.name, payloadOf(channel, number)],
  ]);
}

/** Commands that add messages behind the number `last`, and publish nothing: all are missed. */
export function loseMessages(
  channels: number,
  bytes: number,
  last: number,
  count: number,
): RedisCommand[] {
  return forEach(channels, bytes, (channel) => append(channel, last + 1, last + count));
}

/** A channel, and its messages without their ids. */
interface Channel {
  readonly name: string;
  readonly packet: string;
}

function forEach(
  channels: number,
  bytes: number,
  commandsOf: (channel: Channel) => RedisCommand[],
): RedisCommand[] {
  const json = JSON.stringify(dataOf(bytes));
  return channelNames(channels).flatMap((name) =>
    commandsOf({ name, packet: packetOf(name, json) }),
  );
}

function append(channel: Channel, from: number, to: number): RedisCommand[] {
  const key = `_pubsub.history:{${channel.name}}`;
  const payloads = Array.from({ length: to - from + 1 }, (_, i) => payloadOf(channel, from + i));
  return [
    ['RPUSH', key, ...payloads],
    ['LTRIM', key, -LIST_SIZE, -1],
  ];
}

/** A message with the id of one that a history keeps. */
function payloadOf({ packet }: Channel, number: number): string {
  return `${packet.slice(0, -1)},"mid":"b3nchM4r.~1-${number}"}`;
}
