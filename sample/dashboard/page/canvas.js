/**
 * Prepares a canvas for a drawing, with as many pixels as the screen has there.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number} height in CSS pixels
 */
export function prepare(canvas, height) {
  const width = canvas.clientWidth;
  const scale = devicePixelRatio;
  const [pixels, lines] = [Math.round(width * scale), Math.round(height * scale)];
  // Also clears the canvas, which costs more than to clear it.
  if (canvas.width !== pixels || canvas.height !== lines) {
    canvas.width = pixels;
    canvas.height = lines;
    canvas.style.height = `${height}px`;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/**
 * The colours of the style sheet, which differ in light and dark.
 *
 * @returns {(name: string) => string}
 */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}
