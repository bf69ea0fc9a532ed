import type { StreamMessage } from './stream-message.js';

/** How many chunks are stored together again. */
const MAX_COUNT = 100;

/** Chunks that follow each other. */
export interface ChunkGroup {
  readonly from: number;
  readonly count: number;
}

/** The chunks up to number `last` that none of the messages has, in groups. */
export function missingChunks(messages: readonly StreamMessage[], last: number): ChunkGroup[] {
  const found = new Set<number>();
  for (const it of messages) {
    if ('chunks' in it) it.chunks.forEach((_, i) => found.add(it.from + i));
  }
  const groups: ChunkGroup[] = [];
  for (let from = 1; from <= last; from++) {
    if (found.has(from)) continue;
    let count = 1;
    while (count < MAX_COUNT && from + count <= last && !found.has(from + count)) count++;
    groups.push({ from, count });
    from += count - 1;
  }
  return groups;
}
