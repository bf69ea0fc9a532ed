import { isError } from './is-error.js';

/**
 * An error without what ioredis and Redis add to it: the arguments of the command, among which are passwords
 * and payloads. The same error if it has none; otherwise a copy, since ioredis gives the original to others, too.
 */
export function withoutArguments<T>(error: T): T {
  try {
    return cleaned(error, 0) as T;
  } catch {
    // The traps of a `Proxy` and the getters of an object may throw: it is no error of ioredis.
    return error;
  }
}

/** No chain of causes is longer; one that is a circle ends here. */
const MAX_DEPTH = 10;

function cleaned(error: unknown, depth: number): unknown {
  if (!isError(error)) return error;
  if (depth > MAX_DEPTH) return undefined;
  const before = Object.getOwnPropertyDescriptors(error);
  const after = cleanedProperties(error, before, depth + 1);
  const names = Object.keys(before);
  const isClean = names.every(
    (name) => name in after && after[name]?.value === before[name as 'name'].value,
  );
  if (isClean) return error;
  // Applications may set a message of any type.
  const { message }: { readonly message: unknown } = error;
  const copy = new Error(withoutRepeatedArguments(String(message)));
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object);
  // In newer versions of Node the stack is a getter, which belongs to its own error.
  if (after.stack?.get) delete after.stack;
  return Object.defineProperties(copy, after);
}

function cleanedProperties(
  error: Error,
  properties: PropertyDescriptorMap,
  depth: number,
): PropertyDescriptorMap {
  const entries = Object.entries(properties)
    .filter(([name]) => !(ARGUMENTS.has(name) && hasArguments(error)))
    .map(([name, it]) => [
      name,
      'value' in it ? { ...it, value: cleanedProperty(it.value, depth) } : it,
    ]);
  return Object.fromEntries(entries) as PropertyDescriptorMap;
}

/** What ioredis attaches: the command, and the bytes that it could not read. */
const ARGUMENTS: ReadonlySet<string> = new Set(['command', 'buffer']);

function hasArguments(error: Error): boolean {
  const { command, buffer } = error as { command?: unknown; buffer?: unknown };
  const hasCommand = typeof command === 'object' && command !== null && 'args' in command;
  return hasCommand || buffer instanceof Uint8Array;
}

function cleanedProperty(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return withoutRepeatedArguments(value);
  if (!Array.isArray(value)) return cleaned(value, depth);
  const items = value.map((item) => cleaned(item, depth));
  return items.some((item, i) => item !== value[i]) ? items : value;
}

/**
 * Redis repeats the arguments of a command that it does not know, ioredis the last reply that it read, and
 * `JSON.parse` a part of its text. Takes linear time: a publisher may have chosen the text.
 */
export function withoutRepeatedArguments(text: string): string {
  return withoutJson(withoutLastReply(text.replace(REPEATED_ARGUMENTS, '')));
}

const REPEATED_ARGUMENTS = /,? with args beginning with:[^\n]*/gi;
const LAST_REPLY = ' Last reply: ';
const NOT_JSON = ' is not valid JSON';

function withoutLastReply(text: string): string {
  const start = text.indexOf(LAST_REPLY);
  if (start < 0) return text;
  const frames = text.indexOf('\n    at ', start);
  return text.slice(0, start) + (frames < 0 ? '' : text.slice(frames));
}

/** The quotes are the first and the last before the end of V8's sentence; three dots stand for what it left out. */
function withoutJson(text: string): string {
  const end = text.lastIndexOf(NOT_JSON);
  const quote = text.indexOf('"');
  if (quote < 0 || quote >= end || !/"(\.\.\.)?$/.test(text.slice(end - 4, end))) return text;
  const start = text.startsWith('...', quote - 3) ? quote - 3 : quote;
  return `${text.slice(0, start)}it${text.slice(end)}`;
}

/**
 * An address as an error may show it: text before an `@`, and after a `?`, may contain a password. Takes linear time.
 */
export function withoutLogin(text: string): string {
  const mark = text.search(/[/:]/);
  if (mark < 0) return text;
  const at = text.lastIndexOf('@');
  const address = at > mark ? `…${text.slice(at)}` : text;
  const query = address.indexOf('?', at > mark ? 0 : mark);
  return query < 0 ? address : `${address.slice(0, query)}?…`;
}

/**
 * A value that was given for an address or a word, as an error may show it: three dots stand for text that is neither,
 * since it may contain a password. Values of other types stay as they are.
 */
export function onlyAddress(value: unknown): unknown {
  if (typeof value !== 'string' || SHORT.test(value)) return value;
  if (PLAIN_ADDRESS.test(value) || IPV6.test(value)) return value;
  // Only after a login at its usual place can the rest be no part of a password.
  const host = value.slice(value.lastIndexOf('@') + 1);
  return /^[a-z]{1,9}:\/\/\S*@/.test(value) && PLAIN_ADDRESS.test(host) ? `…@${host}` : '…';
}

/** A value that was given for something else than text: three dots stand for text that is no number and no short word. */
export function withoutText(value: unknown): unknown {
  return typeof value !== 'string' || NUMBER.test(value) || SHORT.test(value) ? value : '…';
}

const PLAIN_ADDRESS = /^([a-z]{1,9}:\/\/)?[\w.-]*(:\d+)?(\/\d*)?$/;
const IPV6 = /^\[?[\da-f]*::[\da-f:.]*\]?(:\d+)?$/i;
const NUMBER = /^-?\d[\d.]{0,9} ?[a-z]{0,2}$/i;
/** No password is so short; a word that was meant for something else often is. */
const SHORT = /^([a-z]{0,5}|[^]{0,3}|undefined)$/i;

/**
 * The text of an error that an application's function threw while it was about secrets. Words that may be or contain
 * one become three dots: parts of a URL or of JSON, long ones, and what follows a name such as "token:". Takes linear time.
 */
export function withoutSecretWords(text: string): string {
  let isAfterName = false;
  return text
    .split(' ')
    .map((word) => {
      const isSecret = isAfterName || word.length > MAX_WORD_LENGTH || MARKS.test(word);
      isAfterName = /(pass\w*|pwd|secret|token|key|authorization)"?:$|\bbearer$|\bbasic$/i.test(
        word,
      );
      return isSecret && !isAfterName ? '…' : word;
    })
    .join(' ');
}

const MAX_WORD_LENGTH = 60;
const MARKS = /[@?=&{}]|:[^/\d]/;
