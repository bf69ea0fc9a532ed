import { printable } from '../../shared/printable.js';

/** The most characters of a text that a terminal shows. */
const MAX_TEXT = 300;
/** Marks without a width of their own, which may join or reorder characters. */
const FORMAT = /[\p{Cf}\p{Co}\p{Cn}]/gu;
const COMBINING = /^[\p{Mn}\p{Me}]$/u;
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{1f000}-\u{1ffff}\u{20000}-\u{3fffd}]$/u;
const ELLIPSIS = '…';

/** Text of any origin as a terminal may show it: one line, in which no character acts. */
export function safeText(text: string): string {
  return printable(text, MAX_TEXT).replaceAll(FORMAT, '');
}

/** How many columns of a terminal a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** The beginning of a text that fits, and spaces up to `width`. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = shorten(text, width);
  const space = ' '.repeat(Math.max(0, width - widthOf(cut)));
  return align === 'left' ? cut + space : space + cut;
}

function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width < 1) return '';
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += widthOfCharacter(character);
    if (used > width - 1) break;
    kept += character;
  }
  return kept + ELLIPSIS;
}

function widthOfCharacter(character: string): number {
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
