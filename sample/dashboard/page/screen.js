/**
 * Draws at most once for each frame of the screen, and only after a change. A browser has no frames for a page that is
 * hidden.
 */
export class Screen {
  #draw;
  #isScheduled = false;
  /** How often the page was drawn. */
  drawings = 0;

  /** @param {() => void} draw */
  constructor(draw) {
    this.#draw = draw;
  }

  /** Something has changed that the page shows. */
  change() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.drawings++;
      this.#draw();
    });
  }
}
