import { escapeGlob } from '../channel/channel-pattern.js';

/** Whether one of the names contains a text. Capital and small letters are the same. */
export function hasText(text: string, ...names: readonly (string | undefined)[]): boolean {
  const wanted = text.toLowerCase();
  return wanted === '' || names.some((name) => name?.toLowerCase().includes(wanted));
}

/** The pattern of the channels whose names contain a text. The letters from A to Z match in both cases. */
export function patternOf(text: string): string {
  const inside = text.replaceAll(/[a-z]|[^a-z]+/gi, (part) =>
    /^[a-z]$/i.test(part) ? `[${part.toLowerCase()}${part.toUpperCase()}]` : escapeGlob(part),
  );
  return inside === '' ? '*' : `*${inside}*`;
}
