import { beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf, Prices } from '../../../sample/dashboard/page/prices.js';
import { Screen } from '../../../sample/dashboard/page/screen.js';
import { isTick, symbolsOf } from '../../../sample/dashboard/tick.js';

describe('the tickers', () => {
  it('have different symbols of three letters, in their order', () => {
    const symbols = symbolsOf(1_000);
    expect([symbols[0], symbols[25], symbols[26], symbols[676]]).toEqual([
      'AAA',
      'AAZ',
      'ABA',
      'BAA',
    ]);
    expect(new Set(symbols).size).toBe(1_000);
    expect(symbols).toEqual(symbols.toSorted());
  });

  it.each([undefined, null, 7, 'x', {}, { price: '7' }, { price: NaN }, { price: Infinity }])(
    'have no price %j',
    (data) => {
      expect(isTick(data)).toBe(false);
    },
  );
});

describe('the prices of the page', () => {
  it('keep the first price, the newest one, and those of the chart', () => {
    const prices = new Prices();
    for (let i = 1; i <= 300; i++) prices.update({ AAA: i });
    const ticker = prices.get('AAA');
    expect(ticker).toMatchObject({ first: 1, price: 300 });
    expect([ticker?.history.length, ticker?.history[0], ticker?.history.at(-1)]).toEqual([
      240, 61, 300,
    ]);
  });

  it('are listed by their symbols, and by their changes', () => {
    const prices = new Prices();
    prices.update({ BBB: 100, AAA: 100, CCC: 100 });
    prices.update({ AAA: 101, BBB: 90, CCC: 105 });
    expect(prices.all.map(({ symbol }) => symbol)).toEqual(['AAA', 'BBB', 'CCC']);
    expect(prices.movers(2).map(({ symbol }) => symbol)).toEqual(['BBB', 'CCC']);
    expect(prices.movers(1).map(changeOf)[0]).toBeCloseTo(-0.1);
  });
});

describe('the screen', () => {
  let frames: (() => void)[] = [];
  beforeEach(() => {
    frames = [];
    vi.stubGlobal('requestAnimationFrame', (frame: () => void) => frames.push(frame));
    return () => vi.unstubAllGlobals();
  });

  it('is drawn once for each frame, however many changes there are', () => {
    let drawn = 0;
    const screen = new Screen(() => drawn++);
    for (let i = 0; i < 1_000; i++) screen.change();
    expect([frames.length, drawn]).toEqual([1, 0]);
    frames.shift()?.();
    expect([frames.length, drawn, screen.drawings]).toEqual([0, 1, 1]);
    screen.change();
    frames.shift()?.();
    expect(screen.drawings).toBe(2);
  });

  it('is drawn again for a change that a drawing makes', () => {
    const screen: Screen = new Screen(() => {
      if (screen.drawings === 1) screen.change();
    });
    screen.change();
    frames.shift()?.();
    expect(frames).toHaveLength(1);
  });
});
