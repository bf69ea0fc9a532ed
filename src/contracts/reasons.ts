import { messageOf } from '../errors.js';
import type { Schema, SchemaIssue } from './schema.js';

/** How many issues an error or a log line has: a value may have as many as it has parts. */
const MAX_ISSUES = 10;
/** How many keys of a path it has: a payload may be nested as deeply as it is long. */
const MAX_KEYS = 20;
/** For an issue whose text may have a part of the payload. */
const UNTOLD = 'Invalid value';

/** What the libraries add to an issue. */
interface LibraryIssue extends SchemaIssue {
  /** Of ArkType: what the schema takes. */
  readonly expected?: unknown;
  /** Of ArkType: the issues that this one joins. */
  readonly errors?: unknown;
  /** Of Valibot: the value as its texts have it. */
  readonly received?: unknown;
}

/**
 * What is wrong with a value, one text for each issue, such as `address.city: Invalid input`. A text has the names of fields,
 * and no value of the payload: that of a library is left out unless it is known to have none.
 */
export function reasonsOf(
  issues: readonly SchemaIssue[],
  { '~standard': { vendor } }: Schema,
  value: unknown,
): string[] {
  const reasons = issues.slice(0, MAX_ISSUES).map((issue) => reasonOf(issue, vendor, value));
  const more = issues.length - reasons.length;
  return more > 0 ? [...reasons, `and ${more} more`] : reasons;
}

function reasonOf(issue: SchemaIssue, vendor: string, value: unknown): string {
  try {
    const keys = keysOf(issue);
    const isWhole = keys.length <= MAX_KEYS;
    const text = isWhole ? messageOf(textOf(issue, vendor, valueAt(value, keys))) : UNTOLD;
    const path = keys.slice(0, MAX_KEYS).map(String).join('.');
    return keys.length === 0 ? text : `${messageOf(path)}${isWhole ? '' : '…'}: ${text}`;
  } catch {
    // The texts of some libraries are getters, and call functions of the application.
    return UNTOLD;
  }
}

type TextOf = (issue: LibraryIssue) => string;

/** The texts of other libraries are not known: some quote the value. */
const TEXTS: Readonly<Partial<Record<string, TextOf>>> = {
  // Its texts quote the value in many places, and what `JSON.parse` says of it.
  arktype: (issue) => `must be ${expectedBy(issue).join(' or ')}`,
  'class-validator': ({ message }) => message,
  valibot: ({ message }) => message.replace(/(?: but received|: Received) .*$/s, ''),
  zod: ({ message }) => message,
};

function textOf(issue: LibraryIssue, vendor: string, value: unknown): string {
  const read = Object.hasOwn(TEXTS, vendor) ? TEXTS[vendor] : undefined;
  const text = read?.(issue);
  if (typeof text !== 'string') return UNTOLD;
  // A text of the application, or of a translation, may have it.
  const received = vendor === 'valibot' ? issue.received : undefined;
  return [value, received].some((it) => isQuoted(it, text)) ? UNTOLD : text;
}

/** What the schema takes. A union and an intersection put the value into theirs: the parts are told. */
function expectedBy({ errors, expected }: LibraryIssue): string[] {
  const parts = Array.isArray(errors) ? (errors as LibraryIssue[]).flatMap(expectedBy) : [expected];
  return [...new Set(parts.map(String))];
}

/** Whether a text has a value that is no object, alone or as a part of a text in quotes. */
function isQuoted(value: unknown, text: string): boolean {
  if (!['string', 'number', 'bigint'].includes(typeof value) || value === '') return false;
  const plain = String(value);
  return [plain, JSON.stringify(plain).slice(1, -1)].some((it) => hasWord(text, it));
}

/** A value of one letter is in most texts: only one that no letter touches is a quote. */
function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const around = `${text.charAt(at - 1)} ${text.charAt(at + word.length)}`;
    if (!/[\p{L}\p{N}_]/u.test(around)) return true;
  }
  return false;
}

/** The first keys of a path. Libraries may give an object as a key. */
function keysOf({ path = [] }: SchemaIssue): PropertyKey[] {
  const keys: PropertyKey[] = [];
  for (const it of path) {
    const key: unknown = typeof it === 'object' ? it.key : it;
    const isKey = typeof key === 'string' || typeof key === 'number' || typeof key === 'symbol';
    keys.push(isKey ? key : '?');
    if (keys.length > MAX_KEYS) break;
  }
  return keys;
}

function valueAt(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>((part, key) => Reflect.get(Object(part) as object, key), value);
}
