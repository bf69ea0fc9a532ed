/** The data of a message, similar to a notification. */
export interface Data {
  readonly id: number;
  readonly name: string;
  readonly tags: readonly string[];
  readonly items?: readonly Item[];
  /** Padding up to the requested size. */
  readonly text: string;
}

interface Item {
  readonly id: number;
  readonly user: string;
  readonly text: string;
  readonly isRead: boolean;
}

/** The payload sizes of the receive and emit measures. */
export const PAYLOADS = [
  { name: '60 B', bytes: 60, chart: 'cpu-60-b' },
  { name: '1 KB', bytes: 1_024, chart: 'cpu-1-kb' },
  { name: '16 KB', bytes: 16_384, chart: 'cpu-16-kb' },
] as const;

/** The payload size in bytes of all other measures. */
export const SMALL = 60;

/** Data that is exactly `bytes` long as JSON. Throws if `bytes` is below the minimum. */
export function dataOf(bytes: number): Data {
  const items: Item[] = [];
  const data = (text: string): Data => ({
    id: 42,
    name: 'Ada',
    tags: ['a', 'b'],
    ...(items.length > 0 ? { items } : {}),
    text,
  });
  const missing = (): number => bytes - JSON.stringify(data('')).length;
  while (missing() > 200) {
    // Adds most of the missing items at once, because each length check serializes all data.
    const more = Math.max(1, Math.floor(missing() / 100) - 1);
    for (let i = 0; i < more; i++) items.push(item(items.length));
  }
  const padding = missing();
  if (padding < 0) throw new Error(`Expected at least ${bytes - padding} bytes, got ${bytes}`);
  return data('x'.repeat(padding));
}

/** Nest's packet as JSON; `json` is the data as JSON. */
export function packetOf(channel: string, json: string): string {
  return `{"pattern":"${channel}","data":${json}}`;
}

/** A packet with a message id, as a publisher of this package numbers its messages on one channel. */
export function withMessageId(packet: string, number: number): string {
  return `${packet.slice(0, -1)},"mid":"b3nchM4r.1-${number}"}`;
}

function item(id: number): Item {
  return { id, user: 'grace.hopper', text: 'Liked what you wrote', isRead: id % 2 === 0 };
}
