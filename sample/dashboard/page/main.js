import { cellAt, drawMap } from './heat-map.js';
import { drawLines } from './line-chart.js';
import { changeOf, Prices } from './prices.js';
import { Screen } from './screen.js';
import { openStream } from './stream.js';

/** How many seconds the chart of the rates shows. */
const SECONDS = 60;
const MOVERS = 8;
/** How many prices the chart of one ticker shows. */
const POINTS = 240;

const STATES = { live: 'Live', paused: 'Paused', reconnecting: 'Reconnecting' };

const prices = new Prices();
const screen = new Screen(draw);
/** @type {{ received: number[], sent: number[] }} */
const rates = { received: [], sent: [] };
/** A table that changes with each frame cannot be read: it changes with the rates. */
let isTableOld = true;
let drawingsBefore = 0;

const ticker = /** @type {HTMLSelectElement} */ (element('ticker'));
const map = canvas('map');
ticker.addEventListener('change', () => screen.change());
map.addEventListener('click', (event) => {
  const found = prices.all[cellAt(map, event)];
  if (!found) return;
  ticker.value = found.symbol;
  screen.change();
});
addEventListener('resize', () => screen.change());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => screen.change());

openStream({
  onPrices: (changes) => {
    prices.update(changes);
    screen.change();
  },
  onRates: (now) => {
    for (const name of /** @type {const} */ (['received', 'sent', 'stored', 'replaced'])) {
      element(name).textContent = now[name].toLocaleString('en');
    }
    element('drawn').textContent = String(screen.drawings - drawingsBefore);
    drawingsBefore = screen.drawings;
    for (const name of /** @type {const} */ (['received', 'sent'])) {
      rates[name] = [...rates[name], now[name]].slice(-SECONDS);
    }
    isTableOld = true;
    screen.change();
  },
  onState: (state) => {
    element('state').textContent = STATES[state];
    element('state').dataset.state = state;
  },
});

function draw() {
  const { all } = prices;
  listTickers(all.map(({ symbol }) => symbol));
  const chosen = prices.get(ticker.value);
  element('price').textContent = chosen ? chosen.price.toFixed(2) : '–';
  drawMap(map, all, ticker.value);
  drawLines(canvas('line'), [{ values: chosen?.history ?? [], colour: 'before' }], {
    capacity: POINTS,
    format: (value) => value.toFixed(2),
  });
  if (!isTableOld) return;
  isTableOld = false;
  drawLines(
    canvas('rates'),
    [
      { values: rates.received, colour: 'before' },
      { values: rates.sent, colour: 'after' },
    ],
    {
      capacity: SECONDS,
      fromZero: true,
      format: (value) => Math.round(value).toLocaleString('en'),
    },
  );
  element('movers').replaceChildren(...prices.movers(MOVERS).map(moverRow));
}

/** @param {readonly string[]} symbols */
function listTickers(symbols) {
  if (symbols.length === ticker.options.length) return;
  const { value } = ticker;
  ticker.replaceChildren(...symbols.map((symbol) => new Option(symbol, symbol)));
  if (symbols.includes(value)) ticker.value = value;
  element('count').textContent = symbols.length.toLocaleString('en');
}

/** @param {import('./prices.js').Ticker} mover */
function moverRow(mover) {
  const change = changeOf(mover);
  const row = document.createElement('tr');
  row.append(
    cell(mover.symbol),
    cell(mover.price.toFixed(2)),
    cell(
      `${change < 0 ? '−' : '+'}${Math.abs(change * 100).toFixed(2)} %`,
      change < 0 ? 'down' : 'up',
    ),
  );
  return row;
}

/**
 * @param {string} text
 * @param {string} [trend]
 */
function cell(text, trend) {
  const data = document.createElement('td');
  data.textContent = text;
  if (trend) data.dataset.trend = trend;
  return data;
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} id */
function canvas(id) {
  return /** @type {HTMLCanvasElement} */ (element(id));
}
