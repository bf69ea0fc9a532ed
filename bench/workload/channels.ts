/** A glob that means every channel of the benchmark. */
export const EVERY_CHANNEL = 'bench.*';

/** The channel with a number. */
export function channelName(index: number): string {
  return `bench.${index}.event`;
}

/** A glob that means the channel with a number, and no other one. */
export function channelGlob(index: number): string {
  return `bench.${index}.*`;
}

/** The first channels, by so many. */
export function channelNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => channelName(index));
}
