/**
 * Returns the name that a misspelt one most likely stands for, or nothing if none is similar. `maxEdits`: how many
 * letters may differ; a third of them by default.
 */
export function nearestName(
  misspelt: string,
  names: readonly string[],
  maxEdits = Math.max(2, Math.min(misspelt.length, MAX_LENGTH) / 3),
): string | undefined {
  const written = misspelt.toLowerCase().slice(0, MAX_LENGTH);
  const distances = names.map((name) => ({
    name,
    edits: editDistance(written, name.toLowerCase()),
  }));
  const nearest = distances.toSorted((one, other) => one.edits - other.edits)[0];
  return nearest && nearest.edits <= maxEdits ? nearest.name : undefined;
}

/** Longer than every option. */
const MAX_LENGTH = 40;

/** The number of letters to insert, delete or replace (Levenshtein distance). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (const [i, letter] of one.split('').entries()) {
    const next = [i + 1];
    for (const [j, expected] of other.split('').entries()) {
      const replaced = (row[j] ?? 0) + (letter === expected ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
