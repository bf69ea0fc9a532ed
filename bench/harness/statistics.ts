/** One figure over several rounds. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** In the order of the rounds. */
  readonly rounds: readonly number[];
}

/** The median and the spread of at least one value. */
export function summarize(rounds: readonly number[]): Summary {
  const sorted = rounds.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
    rounds,
  };
}

/** Summarizes the ratios of two lists, element by element. */
export function summarizeRatios(
  numerators: readonly number[],
  denominators: readonly number[],
): Summary {
  return summarize(numerators.map((value, i) => value / (denominators[i] ?? Number.NaN)));
}

/** The median item by `numberOf`; the lower one of an even count. Throws for an empty list. */
export function middleOf<Item>(items: readonly Item[], numberOf: (item: Item) => number): Item {
  const sorted = items.toSorted((a, b) => numberOf(a) - numberOf(b));
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error('Expected at least one item, got none');
  return middle;
}
