import type { Subscription } from '../subscribing/subscription.js';

/** The number of slots of a Cluster. */
export const SLOT_COUNT = 16_384;

/** CRC16-XMODEM, by byte (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/). */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The slot of a shard channel, as CLUSTER KEYSLOT returns it: of the hash tag in `{}`, if there is one. */
export function slotOf(channel: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashed(channel))) {
    crc = ((crc << 8) ^ (TABLE[((crc >> 8) ^ byte) & 0xff] ?? 0)) & 0xffff;
  }
  return crc % SLOT_COUNT;
}

/** The slot of a subscription's channel, computed once. */
export function slotOfSubscription(subscription: Subscription): number {
  return (subscription.slot ??= slotOf(subscription.key.name));
}

function hashed(channel: string): string {
  const open = channel.indexOf('{');
  if (open === -1) return channel;
  const close = channel.indexOf('}', open + 1);
  return close > open + 1 ? channel.slice(open + 1, close) : channel;
}
