/** How many prices of a ticker the page keeps, for its chart. */
const HISTORY = 240;

/**
 * @typedef {object} Ticker
 * @property {string} symbol
 * @property {number} first the first price that the page has received
 * @property {number} price
 * @property {number[]} history oldest first
 */

/** The prices that the page has received. */
export class Prices {
  /** @type {Map<string, Ticker>} */
  #tickers = new Map();

  /** All tickers, in the order of their symbols. */
  get all() {
    return [...this.#tickers.values()].toSorted((one, other) =>
      one.symbol < other.symbol ? -1 : 1,
    );
  }

  get size() {
    return this.#tickers.size;
  }

  /** @param {string} symbol */
  get(symbol) {
    return this.#tickers.get(symbol);
  }

  /** @param {Readonly<Record<string, number>>} changes the new prices by their symbols */
  update(changes) {
    for (const [symbol, price] of Object.entries(changes)) {
      const ticker = this.#tickers.get(symbol) ?? { symbol, first: price, price, history: [] };
      ticker.price = price;
      ticker.history.push(price);
      if (ticker.history.length > HISTORY) ticker.history.shift();
      this.#tickers.set(symbol, ticker);
    }
  }

  /**
   * The tickers with the largest changes, up or down.
   *
   * @param {number} count
   */
  movers(count) {
    return [...this.#tickers.values()]
      .toSorted((one, other) => Math.abs(changeOf(other)) - Math.abs(changeOf(one)))
      .slice(0, count);
  }
}

/**
 * The change since the page was opened, as a part of the first price.
 *
 * @param {Ticker} ticker
 */
export function changeOf({ first, price }) {
  return price / first - 1;
}
