/** The settings of the dashboard, from its environment variables. A wrong one ends the process. */
export const settings = {
  /** The port of the page; 0 for a free one. */
  port: count('PORT', 3000),
  /** How many tickers the worker has. */
  tickers: count('TICKERS', 500),
  /** How often the worker publishes the price of each ticker, in a second. */
  rate: count('RATE', 10),
};

/** The address that only this machine reaches. */
export const LOOPBACK = '127.0.0.1';

function count(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`Expected ${name} to be an integer ≥ 0`);
  return process.exit(1);
}
