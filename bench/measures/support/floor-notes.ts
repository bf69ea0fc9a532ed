import type { Row } from '../../harness/result.js';

/** Says of which rows bare ioredis itself is above so many times the built-in, so that nobody can do better. */
export function floorNotes(rows: readonly Row[], factor: number): string[] {
  return rows.flatMap(({ name, figures: { 'built-in': builtIn, ioredis } }) => {
    if (!builtIn || !ioredis) return [];
    const ratio = ioredis.median / builtIn.median;
    if (ratio <= factor) return [];
    return [
      `${name}: bare ioredis itself takes ${ratio.toFixed(2)} × what the built-in does; most of it is JSON.`,
    ];
  });
}
