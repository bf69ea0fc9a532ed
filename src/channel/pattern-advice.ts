/** Text that means something in other systems, or nearly something here, and the advice for it. */
interface Rule {
  readonly text: RegExp;
  /** Says how the text is taken, and what to write; `found` is the text. */
  readonly advise: (found: string) => string;
  /** Whether the text has a meaning in the names of shard channels: `{…}` decides on their slot. */
  readonly isHashTag?: boolean;
}

const NO_ALTERNATIVES = 'is literal text, since Redis has no alternatives; use a pattern for each';
const NO_PARAMETER = 'is literal text; a parameter is a segment ":name"';
const NO_WILDCARD =
  'is literal text; "*" matches any text, and a segment ":name" one whole segment';

const ALTERNATIVES: Rule = {
  text: /\{[^{}"|,]*[,|][^{}"]*\}/,
  advise: (found) => `"${found}" ${NO_ALTERNATIVES}`,
  isHashTag: true,
};

const PARAMETER_STYLE: readonly Rule[] = [
  {
    text: /<[A-Za-z_][\w:-]*>/,
    advise: (found) => `"${found}" ${NO_PARAMETER}`,
  },
  {
    text: /(?<=^|[.:/])(?:#|\+|>)(?=[.:/]|$)/,
    advise: (found) => `"${found}" ${NO_WILDCARD}`,
  },
];

const EXPRESSION = 'is of a regular expression; a pattern is a glob, where "*" matches any text';

const IN_PATTERNS: readonly Rule[] = [
  {
    // After the name of a class also a small letter, but for ids: `user::id` is a parameter.
    text: /(?<=:)(?<!\\:):(?:[A-Z]|(?<=(?:^|[.:/])[A-Z]\w*::)(?!id\b|\w*(?:Id|_id)\b)[a-z_])\w*(?=[.:/]|$)/,
    advise: (found) =>
      `"${found}" is a parameter, and the pattern never matches a channel with ":${found}"; write ":\\${found}" for literal colons`,
  },
  {
    text: /(?<=^|(?<!\\)[.:/]):[A-Za-z_]\w*[^\w.:/][^.:/]*/,
    advise: (found) =>
      `"${found}" is no parameter; a parameter is a whole segment ":name", and its name has letters, digits and "_"`,
  },
  {
    text: /(?<=[-=~@#]|[A-Za-z\d]_):[A-Za-z_]\w*(?=[.:/]|$)/,
    advise: (found) => `"${found}" is literal text, since it begins no segment`,
  },
  ALTERNATIVES,
  {
    text: /\$?\{[^{}"]*\}/,
    advise: (found) =>
      /[*?[\]\\]/.test(found)
        ? `the braces of "${found}" are literal text; a parameter is a segment ":name"`
        : `"${found}" ${NO_PARAMETER}`,
    isHashTag: true,
  },
  ...PARAMETER_STYLE,
  {
    text: /(?<=[.:/])[$@][A-Za-z_]\w*(?=[.:/]|$)/,
    advise: (found) => `"${found}" ${NO_PARAMETER}`,
  },
  {
    text: /(?<=^|[.:/])%[sd]?(?=[.:/]|$)/,
    advise: (found) => `"${found}" ${NO_WILDCARD}`,
  },
  {
    text: /^!/,
    advise: (found) => `"${found}" is literal text, since Redis has no patterns that exclude`,
  },
  {
    text: /^\^|\$$|\(\?|\([^()]*\|[^()]*\)|\]\+|\)[*+?]/,
    advise: (found) => `"${found}" ${EXPRESSION}`,
  },
  {
    text: /(?<=[.:/][^,;|()[\]{}]*)(?:\||[,;](?=[^,;|()[\]{}]*[.:/]))|\|(?=[^,;|()[\]{}]*[.:/])/,
    advise: (found) => `"${found}" ${NO_ALTERNATIVES}`,
  },
  { text: /\\\.|\\[dswDSW][*+{]/, advise: (found) => `"${found}" ${EXPRESSION}` },
  {
    text: /(?<=[^.:/\\])\\[A-Za-z0-9]/,
    advise: (found) => `"${found}" stands for "${found.slice(1)}"; write "\\\\" for a backslash`,
  },
  {
    text: /^\s|\s$/,
    advise: () => 'the white space at its start or end is part of the name',
  },
];

const IN_LITERALS: readonly Rule[] = [
  {
    text: /\*|\[[^[\]]+\]|(?<=^|[.:/])\?+(?=[.:/]|$)/,
    advise: (found) => `"${found}" is literal text in it`,
  },
  {
    text: /(?<=^|[.:/]):[A-Za-z_]\w*(?=[.:/]|$)/,
    advise: (found) => `"${found}" is literal text in it`,
  },
  {
    text: /\\[*?[\]\\:]/,
    advise: (found) => `"${found}" is literal text in it, backslash included`,
  },
  // Ids of values may be in braces, too.
  ...[
    { text: /\$?\{(?!\d)[^{}"]*\}|\{[^{}",]*,[^{}"]*\}/, isHashTag: true },
    ...PARAMETER_STYLE,
  ].map((rule) => ({
    ...rule,
    advise: (found: string) => `"${found}" is literal text in it`,
  })),
];

/** One pass that most channel names end with: without these characters no rule applies. */
const SUSPICIOUS = /[*[\\?{<#+>]|(?:^|[.:/]):[A-Za-z_]/;
/** Longer names are not searched: they come from no source code. */
const MAX_LENGTH = 1_000;
/** The name of an object pattern, in the form that Nest gives to it. */
const OBJECT = '{"';

/**
 * Returns what is doubtful about a pattern, and what to write; `undefined` for most patterns. The pattern is valid
 * and keeps its meaning: this is for a warning.
 */
export function adviceForPattern(pattern: string, sharded: boolean): string | undefined {
  if (pattern.startsWith(OBJECT)) return undefined;
  return firstAdvice(IN_PATTERNS, pattern, sharded);
}

/** As {@link adviceForPattern}, for a literal channel that reads as a pattern. Costs one test for other channels. */
export function adviceForLiteral(channel: string, sharded: boolean): string | undefined {
  if (!SUSPICIOUS.test(channel) || channel.startsWith(OBJECT)) return undefined;
  return firstAdvice(IN_LITERALS, channel, sharded);
}

function firstAdvice(rules: readonly Rule[], text: string, sharded: boolean): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  for (const rule of rules) {
    const found = sharded && rule.isHashTag ? undefined : rule.text.exec(text)?.[0];
    if (found !== undefined) return rule.advise(found);
  }
  return undefined;
}
