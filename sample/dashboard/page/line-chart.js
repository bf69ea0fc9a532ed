import { colours, prepare } from './canvas.js';

const HEIGHT = 160;
const PADDING = 6;
const LABELS = 56;

/**
 * Draws lines over time, the newest value at the right.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {readonly { readonly values: readonly number[], readonly colour: string }[]} lines `colour` is a name of the style sheet
 * @param {{ readonly capacity: number, readonly fromZero?: boolean, readonly format: (value: number) => string }} options
 */
export function drawLines(canvas, lines, { capacity, fromZero = false, format }) {
  const { context, width, height } = prepare(canvas, HEIGHT);
  const colour = colours();
  const values = lines.flatMap((line) => line.values);
  if (values.length === 0) return;
  const low = fromZero ? 0 : Math.min(...values);
  const high = Math.max(...values, low + Number.EPSILON);
  const right = width - LABELS;
  const x = (/** @type {number} */ age) => right - (age / Math.max(1, capacity - 1)) * right;
  const y = (/** @type {number} */ value) =>
    height - PADDING - ((value - low) / (high - low || 1)) * (height - 2 * PADDING);

  context.fillStyle = colour('muted');
  context.font = '12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.strokeStyle = colour('line');
  for (const value of [low, high]) {
    context.fillText(format(value), right + 6, Math.min(height - 8, Math.max(8, y(value))));
    context.beginPath();
    context.moveTo(0, y(value));
    context.lineTo(right, y(value));
    context.stroke();
  }
  for (const line of lines) {
    context.strokeStyle = colour(line.colour);
    context.lineWidth = 2;
    context.beginPath();
    for (const [i, value] of line.values.entries()) {
      context.lineTo(x(line.values.length - 1 - i), y(value));
    }
    context.stroke();
  }
}
