/** A glob that matches every channel of the benchmark. */
export const EVERY_CHANNEL = 'bench.*';

/** The channel with the number `index`. */
export function channelName(index: number): string {
  return `bench.${index}.event`;
}

/** A glob that matches only the channel with the number `index`. */
export function channelGlob(index: number): string {
  return `bench.${index}.*`;
}

/** The first `count` channels. */
export function channelNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => channelName(index));
}
