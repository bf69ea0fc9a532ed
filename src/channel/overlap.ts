import { isSeparator, type GlobToken } from './glob.js';

/** The most pairs of tokens that are compared. Longer patterns are not written by hand. */
const MAX_PAIRS = 250_000;

const BYTES = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

/** Bytes that a part of a pattern takes: one, or any number of them. */
interface Step {
  readonly accepts: (byte: string) => boolean;
  readonly repeats: boolean;
}

/** The end of a pattern. */
const END: Step = { accepts: () => false, repeats: false };

/** Whether a text exists that both lists of tokens match. False for patterns that are too long to compare. */
export function tokensOverlap(one: readonly GlobToken[], other: readonly GlobToken[]): boolean {
  if (one.length * other.length > MAX_PAIRS) return false;
  const a = fromTheEnd(one);
  const b = fromTheEnd(other);
  // Whether the rest of one from a step on has a text in common with each rest of the other.
  let row: boolean[] = [];
  for (const step of a) {
    const next = row;
    row = [];
    for (const [j, otherStep] of b.entries()) {
      const isEnd = step === END && otherStep === END;
      row.push(isEnd || restsOverlap(step, otherStep, { next, row, j }));
    }
  }
  return row.at(-1) === true;
}

interface Rests {
  /** After the current step of the first list. */
  readonly next: readonly boolean[];
  /** Before it. */
  readonly row: readonly boolean[];
  /** The position in the second list, from its end. */
  readonly j: number;
}

function restsOverlap(a: Step, b: Step, { next, row, j }: Rests): boolean {
  if (a.repeats && next[j]) return true;
  if (b.repeats && row[j - 1]) return true;
  if (a.repeats && b.repeats) return false;
  const rest = a.repeats ? row[j - 1] : next[b.repeats ? j : j - 1];
  return rest === true && BYTES.some((byte) => a.accepts(byte) && b.accepts(byte));
}

function fromTheEnd(tokens: readonly GlobToken[]): Step[] {
  return [END, ...tokens.flatMap(stepsOf).toReversed()];
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
