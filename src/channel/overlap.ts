import { isSeparator, type GlobToken } from './glob.js';

/** The most pairs of tokens that are compared. Longer patterns are not written by hand. */
const MAX_PAIRS = 250_000;

const BYTES = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

/** Bytes that a part of a pattern takes: one, or any number of them. */
interface Step {
  readonly accepts: (byte: string) => boolean;
  readonly repeats: boolean;
}

/** Whether a text exists that both lists of tokens match. False for patterns that are too long to compare. */
export function tokensOverlap(one: readonly GlobToken[], other: readonly GlobToken[]): boolean {
  const a = one.flatMap(stepsOf);
  const b = other.flatMap(stepsOf);
  if (a.length * b.length > MAX_PAIRS) return false;
  // Whether the rest of `a` and the rest of `b` have a text in common, for each position in `b`.
  let next: boolean[] = [];
  for (let i = a.length; i >= 0; i--) {
    const row: boolean[] = [];
    for (let j = b.length; j >= 0; j--) row[j] = restsOverlap(a[i], b[j], { next, row, j });
    next = row;
  }
  return next[0] === true;
}

interface Rests {
  /** After the current step of the first list. */
  readonly next: readonly boolean[];
  /** Before it. */
  readonly row: readonly boolean[];
  /** The position in the second list. */
  readonly j: number;
}

function restsOverlap(a: Step | undefined, b: Step | undefined, { next, row, j }: Rests): boolean {
  if (!a && !b) return true;
  if (a?.repeats && next[j]) return true;
  if (b?.repeats && row[j + 1]) return true;
  if (!a || !b || (a.repeats && b.repeats)) return false;
  const rest = a.repeats ? row[j + 1] : next[b.repeats ? j : j + 1];
  return rest === true && BYTES.some((byte) => a.accepts(byte) && b.accepts(byte));
}

const inSegment = (byte: string): boolean => !isSeparator(byte);

function stepsOf(token: GlobToken): Step[] {
  switch (token.kind) {
    case 'byte':
      return [{ accepts: (byte) => byte === token.byte, repeats: false }];
    case 'class':
      return [{ accepts: (byte) => token.bytes.has(byte) !== token.negated, repeats: false }];
    case 'segment':
      return [
        { accepts: inSegment, repeats: false },
        { accepts: inSegment, repeats: true },
      ];
    default:
      return [{ accepts: () => true, repeats: token.kind === 'star' }];
  }
}
