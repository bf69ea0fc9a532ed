import { colours, prepare } from './canvas.js';
import { changeOf } from './prices.js';

/** @import { Ticker } from './prices.js' */

const CELL_WIDTH = 30;
const CELL_HEIGHT = 22;
const GAP = 2;
/** The change that has the full colour, as a part of the price. */
const FULL_CHANGE = 0.05;

/**
 * Draws one cell for each ticker.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {readonly Ticker[]} tickers
 * @param {string} chosen the symbol of the ticker with a frame
 */
export function drawMap(canvas, tickers, chosen) {
  const columns = columnsOf(canvas);
  const { context, width } = prepare(canvas, Math.ceil(tickers.length / columns) * CELL_HEIGHT);
  const colour = colours();
  const cell = width / columns;
  for (const [i, ticker] of tickers.entries()) {
    const x = (i % columns) * cell;
    const y = Math.floor(i / columns) * CELL_HEIGHT;
    const change = changeOf(ticker);
    context.globalAlpha = 1;
    context.fillStyle = colour('flat');
    context.fillRect(x, y, cell - GAP, CELL_HEIGHT - GAP);
    context.globalAlpha = Math.min(1, Math.abs(change) / FULL_CHANGE);
    context.fillStyle = colour(change < 0 ? 'down' : 'up');
    context.fillRect(x, y, cell - GAP, CELL_HEIGHT - GAP);
    if (ticker.symbol !== chosen) continue;
    context.globalAlpha = 1;
    context.strokeStyle = colour('text');
    context.lineWidth = 2;
    context.strokeRect(x + 1, y + 1, cell - GAP - 2, CELL_HEIGHT - GAP - 2);
  }
  context.globalAlpha = 1;
}

/**
 * The place of the ticker below the pointer.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {MouseEvent} event
 */
export function cellAt(canvas, { offsetX, offsetY }) {
  const columns = columnsOf(canvas);
  const column = Math.floor((offsetX / canvas.clientWidth) * columns);
  return Math.floor(offsetY / CELL_HEIGHT) * columns + column;
}

/** @param {HTMLCanvasElement} canvas */
function columnsOf({ clientWidth }) {
  return Math.max(1, Math.floor(clientWidth / CELL_WIDTH));
}
