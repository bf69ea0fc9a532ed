/**
 * Runs an action that removes a control. If the control had the focus, the focus moves to the next control of
 * its kind, or else to the fallback, so that it does not move to the start of the page.
 *
 * @param {Event} event the event of the control
 * @param {{ kind: string, fallback: string }} selectors
 * @param {() => unknown} action
 */
export async function keepFocus({ currentTarget: control }, { kind, fallback }, action) {
  if (!(control instanceof HTMLElement)) return;
  const hadFocus = document.activeElement === control;
  /** @type {HTMLElement[]} */
  const all = [...document.querySelectorAll(/** @type {'button'} */ (kind))];
  const position = all.indexOf(control);
  await action();
  const isFocusElsewhere = document.activeElement !== document.body;
  if (!hadFocus || control.isConnected || isFocusElsewhere) return;
  const near = [...all.slice(position), ...all.slice(0, position).toReversed()];
  const next = near.find((other) => other.isConnected);
  (next ?? document.querySelector(/** @type {'button'} */ (fallback)))?.focus();
}
