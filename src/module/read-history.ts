import { ChannelPattern } from '../channel/channel-pattern.js';
import { channelKind } from '../channel/subscription-key.js';
import { NO_HEADERS } from '../codec/codec.js';
import { CommandRefusedError, hasCode } from '../errors.js';
import type { HistoryChannel } from '../history/history.js';
import { checkSince, formatPosition, parsePosition, positionBehind } from '../history/position.js';
import type { KeptMessage } from '../history/read-messages.js';
import { checkBoolean, checkCount } from '../options/option-checks.js';
import type { MessageBus } from '../transport/message-bus.js';
import type { PubSubMessage } from './message-observer.js';
import type { HistoryQuery, PubSubHistory } from './service-options.js';

/** How many messages are read first: the rest of a long list follows in parts. */
const MAX_FIRST_COUNT = 100;

/** The history of a channel, see `RedisPubSubService#history`. */
export async function readHistory(
  bus: MessageBus,
  channel: string,
  { since, limit = Infinity, sharded }: HistoryQuery,
): Promise<PubSubHistory> {
  const of = historyChannel(bus, channel, sharded);
  checkCount('limit', limit, 1);
  const text = checkSince(since);
  if (text === undefined) return readNewest(bus, of, limit);
  const place = parsePosition(text);
  const reading = bus.history.readFrom(of, place, { ...(!place && { count: 1, limit: 1 }) });
  const { read, missed, isRecovered: recovered, serverId } = await refusable(of, reading);
  const found = missed.slice(0, limit);
  const messages = found.map((it) => toMessage(channel, it, serverId));
  const last = recovered ? (found.at(-1) ?? place) : read.at(-1);
  return { messages, recovered, position: formatPosition(positionBehind(last, serverId)) };
}

async function readNewest(
  bus: MessageBus,
  of: HistoryChannel,
  limit: number,
): Promise<PubSubHistory> {
  const count = Math.min(limit, MAX_FIRST_COUNT);
  const reading = bus.history.readFrom(of, undefined, { count, limit });
  const { read, serverId } = await refusable(of, reading);
  const messages = read.slice(-limit).map((it) => toMessage(of.channel, it, serverId));
  const position = formatPosition(positionBehind(read.at(-1), serverId));
  return { messages, recovered: false, position };
}

/** The position behind the last message of a channel, see `RedisPubSubService#position`. */
export function readPosition(
  bus: MessageBus,
  channel: string,
  sharded?: boolean,
): Promise<string | undefined> {
  const of = historyChannel(bus, channel, sharded);
  return refusable(of, bus.history.position(of));
}

/** A literal channel, checked. Throws `InvalidChannelError`, and `InvalidOptionError` for a wrong `sharded`. */
export function historyChannel(
  bus: MessageBus,
  channel: string,
  sharded = bus.options.sharded,
): HistoryChannel {
  ChannelPattern.literal(channel);
  bus.nameOf(channel);
  const of = { channel, kind: channelKind(checkBoolean('sharded', sharded)) };
  bus.history.keyOf(of);
  return of;
}

function toMessage(
  channel: string,
  kept: KeptMessage,
  serverId: string | undefined,
): PubSubMessage {
  const {
    id,
    message: { data, metadata: headers = NO_HEADERS },
  } = kept;
  const position = formatPosition(positionBehind(kept, serverId));
  return { data, channel, pattern: channel, params: {}, headers, id, position };
}

async function refusable<T>({ channel }: HistoryChannel, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    const isOurs = hasCode(error, 'ERR_PUBSUB_CONNECTION') || hasCode(error, 'ERR_PUBSUB_CLOSED');
    throw isOurs ? error : new CommandRefusedError('query', `the history of ${channel}`, error);
  }
}
