/** The data of a message, like that of a notification. */
export interface Data {
  readonly id: number;
  readonly name: string;
  readonly tags: readonly string[];
  readonly items?: readonly Item[];
  /** As long as it takes. */
  readonly text: string;
}

interface Item {
  readonly id: number;
  readonly user: string;
  readonly text: string;
  readonly isRead: boolean;
}

/** The sizes of data that messages are received and sent with, in bytes. */
export const PAYLOADS = [
  { name: '60 B', bytes: 60, chart: 'cpu-60-b' },
  { name: '1 KB', bytes: 1_024, chart: 'cpu-1-kb' },
  { name: '16 KB', bytes: 16_384, chart: 'cpu-16-kb' },
] as const;

/** The size of data where it does not matter. */
export const SMALL = 60;

/** Data that has exactly so many bytes as JSON. Throws where that is not enough for any. */
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
    // Most of what is missing at once: the length is asked for a few times only.
    const more = Math.max(1, Math.floor(missing() / 100) - 1);
    for (let i = 0; i < more; i++) items.push(item(items.length));
  }
  const padding = missing();
  if (padding < 0) throw new Error(`Expected at least ${bytes - padding} bytes, got ${bytes}`);
  return data('x'.repeat(padding));
}

/** Nest's packet as JSON, around data that is JSON already. */
export function packetOf(channel: string, json: string): string {
  return `{"pattern":"${channel}","data":${json}}`;
}

function item(id: number): Item {
  return { id, user: 'grace.hopper', text: 'Liked what you wrote', isRead: id % 2 === 0 };
}
