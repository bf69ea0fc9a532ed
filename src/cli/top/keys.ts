import type { View } from './frame.js';

/** A key, as `readline.emitKeypressEvents` tells it. */
export interface PressedKey {
  /** The character, if the key has one. */
  readonly text?: string | undefined;
  readonly name?: string | undefined;
  readonly ctrl?: boolean | undefined;
}

/** What can be chosen at this moment. */
export interface Choices {
  readonly tables: number;
  /** How far each table can be scrolled. */
  readonly maxScroll: number;
  /** How many rows are shown. */
  readonly page: number;
}

/** What the command begins with. */
export const FIRST_VIEW: View = { table: 0, scroll: 0, filter: '', isTyping: false };

/** The most characters of a filter. */
const MAX_FILTER = 40;
const PRINTABLE = /^[^\p{C}\u2028\u2029]$/u;

/** The view after a key; `undefined` after one that quits. */
export function viewAfter(view: View, key: PressedKey, choices: Choices): View | undefined {
  if (key.ctrl === true) return key.name === 'c' || key.name === 'd' ? undefined : view;
  const moved = afterMove(view, key, choices);
  if (moved) return moved;
  if (view.isTyping) return afterTyping(view, key);
  if (key.text === '/') return { ...view, isTyping: true };
  if (key.name === 'escape') return { ...view, filter: '', scroll: 0 };
  return key.text === 'q' || key.text === 'Q' ? undefined : view;
}

function afterMove(view: View, { name }: PressedKey, choices: Choices): View | undefined {
  const { tables, maxScroll, page } = choices;
  const step = { up: -1, down: 1, pageup: -page, pagedown: page }[name ?? ''];
  if (step !== undefined) {
    return { ...view, scroll: Math.min(maxScroll, Math.max(0, view.scroll + step)) };
  }
  if (name === 'home') return { ...view, scroll: 0 };
  if (name === 'end') return { ...view, scroll: maxScroll };
  const turn = { left: -1, right: 1, tab: 1 }[name ?? ''];
  if (turn === undefined) return undefined;
  return { ...view, table: (view.table + turn + tables) % tables, scroll: 0 };
}

function afterTyping(view: View, { text, name }: PressedKey): View {
  if (name === 'return' || name === 'enter') return { ...view, isTyping: false };
  if (name === 'escape') return { ...view, isTyping: false, filter: '', scroll: 0 };
  if (name === 'backspace') {
    return { ...view, filter: Array.from(view.filter).slice(0, -1).join(''), scroll: 0 };
  }
  if (text === undefined || !PRINTABLE.test(text) || view.filter.length >= MAX_FILTER) return view;
  return { ...view, filter: view.filter + text, scroll: 0 };
}
