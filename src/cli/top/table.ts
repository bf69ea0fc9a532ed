import { fit, safeText, widthOf } from './cell.js';

/** One column of a {@link Table}. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Whether it gives way when the terminal is narrow, and takes what is left when it is wide. */
  readonly grows?: boolean;
}

/** A table as text. Its cells may come from anywhere. */
export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  /** What is said where there are no rows. */
  readonly empty: string;
}

const GAP = 2;
const MIN_GROWING = 8;

/** The lines of a table in this many columns of a terminal, its head first. No cell acts on the terminal. */
export function linesOf({ columns, rows }: Table, width: number): string[] {
  const safe = rows.map((row) => row.map(safeText));
  const widths = widthsOf(columns, safe, width);
  const titles = columns.map(({ title }) => title);
  return [titles, ...safe].map((cells) => fit(lineOf(cells, columns, widths), width).trimEnd());
}

function lineOf(
  cells: readonly string[],
  columns: readonly Column[],
  widths: readonly number[],
): string {
  return columns
    .map(({ align }, i) => fit(cells[i] ?? '', widths[i] ?? 0, align))
    .join(' '.repeat(GAP));
}

/** As wide as their cells; the growing ones share what the others leave. */
function widthsOf(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): number[] {
  const natural = columns.map(({ title }, i) =>
    // Not as arguments: a fleet may have more rows than a call can have.
    rows.reduce((widest, row) => Math.max(widest, widthOf(row[i] ?? '')), widthOf(title)),
  );
  const gaps = GAP * (columns.length - 1);
  const isGrowing = columns.map(({ grows }) => grows === true);
  const fixed = natural.filter((_, i) => !isGrowing[i]).reduce((sum, it) => sum + it, 0);
  const growing = natural.filter((_, i) => isGrowing[i]);
  const shares = share(growing, width - gaps - fixed);
  return natural.map((it, i) => (isGrowing[i] ? (shares.shift() ?? it) : it));
}

/** Divides what is there: who needs less than an equal share leaves the rest to the others. */
function share(needs: readonly number[], available: number): number[] {
  const shares = needs.map(() => 0);
  const order = needs.map((_, i) => i).toSorted((a, b) => (needs[a] ?? 0) - (needs[b] ?? 0));
  let left = available;
  for (const [done, i] of order.entries()) {
    const equal = Math.floor(left / (order.length - done));
    shares[i] = Math.max(MIN_GROWING, Math.min(needs[i] ?? 0, equal));
    left -= shares[i];
  }
  return shares;
}
