import type { Row } from '../../harness/result.js';

/** A note for each row that misses its target where bare ioredis also exceeds `factor` times the built-in. */
export function floorNotes(rows: readonly Row[], factor: number): string[] {
  return rows.flatMap(({ name, targets, figures: { 'built-in': builtIn, ioredis } }) => {
    if (!builtIn || !ioredis || targets.every(({ isMet }) => isMet)) return [];
    const ratio = ioredis.median / builtIn.median;
    if (ratio <= factor) return [];
    return [`${name}: bare ioredis itself takes ${ratio.toFixed(2)} × what the built-in does.`];
  });
}

/** A note if the row misses `limit` and bare ioredis exceeds it too on this machine. */
export function limitNotes({ name, figures: { ioredis }, targets }: Row, limit: number): string[] {
  const isMissed = targets.some(({ isMet }) => !isMet);
  if (!isMissed || !ioredis || ioredis.median <= limit) return [];
  return [`${name}: bare ioredis itself is at ${ioredis.median.toPrecision(3)}.`];
}
