const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** A new price of a ticker. */
export interface Tick {
  readonly price: number;
}

/** Any client of Redis can publish any payload. */
export function isTick(data: unknown): data is Tick {
  const { price } = (data ?? {}) as { readonly price?: unknown };
  return typeof price === 'number' && Number.isFinite(price);
}

/** The symbols of so many tickers: AAA, AAB, and so on. */
export function symbolsOf(count: number): string[] {
  const letter = (i: number): string => LETTERS[i % LETTERS.length] ?? '';
  const { length } = LETTERS;
  return Array.from(
    { length: count },
    (_, i) => letter(Math.floor(i / length ** 2)) + letter(Math.floor(i / length)) + letter(i),
  );
}
