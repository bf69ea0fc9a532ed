/** Control characters, marks that reverse the direction of text, and characters without a shape. */
const INVISIBLE = /[\p{Cc}\p{Cs}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
const LINE_ENDS = /[\n\t]/;

const NUMBER = new Intl.NumberFormat('en');
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** A name as a reader can tell it from others: characters that are not visible become their codes. */
export function visible(name: string): string {
  return name.replaceAll(INVISIBLE, codeOf);
}

/** As {@link visible}, for text of several lines. */
export function visibleLines(text: string): string {
  return text.replaceAll(INVISIBLE, (it) => (LINE_ENDS.test(it) ? it : codeOf(it)));
}

function codeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A count: `12,345`. */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** A count in few characters: `12.3K`. */
export function shortCount(value: number): string {
  return value < 10_000 ? count(value) : COMPACT.format(value);
}

/** Messages per second: `0.4`, `12`, `1,234`; a dash where they are not known yet. */
export function rate(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value > 0 && value < 0.1) return '< 0.1';
  return value < 10 ? NUMBER.format(Math.round(value * 10) / 10) : shortCount(Math.round(value));
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** How much time passed: `4 s`, `3 min`, `2 h`. The clocks of two machines may differ: no time is negative. */
export function duration(ms: number): string {
  const [unit, length] = UNITS.find(([, length]) => ms >= length) ?? ['s', 1000];
  return `${Math.max(0, Math.floor(ms / length))} ${unit}`;
}

/** A time of today, in the time zone of the reader: `14:03:59`. */
export function clock(time: number): string {
  return new Date(time).toLocaleTimeString('en-GB');
}

/** One or many: `1 instance`, `2 instances`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
