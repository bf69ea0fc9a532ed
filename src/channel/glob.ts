/**
 * Redis' glob, as `stringmatchlen` in `util.c` of Redis defines it: `*`, `?`, `[abc]`, `[^a]`,
 * `[a-c]` and `\x`. It works on bytes, so everything here works on *byte strings*: strings whose
 * every character is one byte of the UTF-8 form.
 */
export type GlobToken =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'byte'; readonly byte: string }
  | { readonly kind: 'class'; readonly bytes: ReadonlySet<string>; readonly negated: boolean }
  | { readonly kind: 'segment' };

const SPECIAL = /[*?[\]\\]/g;
/** The token after the last one of a glob. */
const NOTHING = { kind: 'nothing' } as const;
const NOT_ASCII = /[^\0-\x7f]/;

/** The glob that matches just `text`. */
export function literalGlob(text: string): string {
  return text.replace(SPECIAL, '\\$&');
}

/** The byte string of `text`; the same string where it is ASCII. */
export function toByteString(text: string): string {
  return NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** The text of a byte string. */
export function fromByteString(bytes: string): string {
  return NOT_ASCII.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

/** One token of a glob, and where the next one starts. */
export function readGlobToken(glob: string, at: number): { token: GlobToken; next: number } {
  const byte = glob.charAt(at);
  if (byte === '*') return { token: { kind: 'star' }, next: at + 1 };
  if (byte === '?') return { token: { kind: 'any' }, next: at + 1 };
  if (byte === '[') return readClass(glob, at + 1);
  // A backslash at the very end stands for itself.
  const escaped = byte === '\\' && at + 1 < glob.length;
  return escaped
    ? { token: { kind: 'byte', byte: glob.charAt(at + 1) }, next: at + 2 }
    : { token: { kind: 'byte', byte }, next: at + 1 };
}

function readClass(glob: string, start: number): { token: GlobToken; next: number } {
  const bytes = new Set<string>();
  const negated = glob.charAt(start) === '^';
  let at = negated ? start + 1 : start;
  // Redis takes a class that is never closed as closed by the end of the pattern.
  while (at < glob.length && glob.charAt(at) !== ']') {
    if (glob.charAt(at) === '\\' && at + 1 < glob.length) {
      bytes.add(glob.charAt(at + 1));
      at += 2;
    } else if (glob.charAt(at + 1) === '-' && at + 2 < glob.length) {
      addRange(bytes, glob.charCodeAt(at), glob.charCodeAt(at + 2));
      at += 3;
    } else {
      bytes.add(glob.charAt(at));
      at += 1;
    }
  }
  return { token: { kind: 'class', bytes, negated }, next: at + 1 };
}

function addRange(bytes: Set<string>, from: number, to: number): void {
  for (let code = Math.min(from, to); code <= Math.max(from, to); code++) {
    bytes.add(String.fromCharCode(code));
  }
}

/** The tokens of a whole glob. */
export function parseGlob(glob: string): GlobToken[] {
  const tokens: GlobToken[] = [];
  const bytes = toByteString(glob);
  for (let at = 0; at < bytes.length;) {
    const { token, next } = readGlobToken(bytes, at);
    tokens.push(token);
    at = next;
  }
  return tokens;
}

/**
 * Matches `tokens` against the whole byte string `text`. Returns the texts of the `segment` tokens in
 * their order, or `undefined`. If several matches exist, an earlier `*` takes the least.
 *
 * Only the latest `*` is retried, so the time is at most `tokens × text`. The tokens after a `*` end
 * earliest when they start earliest. A later `*` can take all that an earlier one could.
 */
export function matchTokens(tokens: readonly GlobToken[], text: string): string[] | undefined {
  const captures: string[] = [];
  let retry: { token: number; at: number; captured: number } | undefined;
  let token = 0;
  let at = 0;
  while (token < tokens.length || at < text.length) {
    const current = tokens[token] ?? NOTHING;
    if (current.kind === 'star') {
      retry = { token: ++token, at, captured: captures.length };
      continue;
    }
    const end = tokenEnd(current, text, at);
    if (end >= 0) {
      if (current.kind === 'segment') captures.push(text.slice(at, end));
      token++;
      at = end;
    } else if (retry && retry.at < text.length) {
      token = retry.token;
      at = ++retry.at;
      captures.length = retry.captured;
    } else {
      return undefined;
    }
  }
  return captures;
}

function tokenEnd(token: GlobToken | typeof NOTHING, text: string, at: number): number {
  if (at >= text.length) return -1;
  const byte = text.charAt(at);
  switch (token.kind) {
    case 'byte':
      return token.byte === byte ? at + 1 : -1;
    case 'class':
      return token.bytes.has(byte) !== token.negated ? at + 1 : -1;
    case 'segment':
      return segmentEnd(text, at);
    case 'nothing':
      return -1;
    default:
      return at + 1;
  }
}

function segmentEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && !isSeparator(text.charAt(end))) end++;
  return end === at ? -1 : end;
}

/** Whether a character separates the segments of a channel name: `.`, `:` or `/`. */
export function isSeparator(character: string): boolean {
  return character === '.' || character === ':' || character === '/';
}
