import { inspect } from 'node:util';
import { withoutLogin, withoutRepeatedArguments } from './clean-error.js';
import { isError } from './is-error.js';

/** How many characters of a channel name a log line or an error shows. */
const MAX_NAME_LENGTH = 200;
/** How many characters of a message or a value a log line or an error shows. */
const MAX_MESSAGE_LENGTH = 500;
const MAX_FRAMES = 20;
/** How many errors of an error that joins several a log line or an error shows. */
const MAX_ERRORS = 10;

/** Control characters, line ends, marks that reverse the direction of text, and lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const FRAME = /^\s+at /;
const UNREADABLE = 'a value that cannot be shown';

/** Text of any origin in one line of at most `maxLength` characters, before their escapes. */
export function printable(text: string, maxLength: number): string {
  return cut(text, maxLength).replaceAll(UNPRINTABLE, escapeCharacter);
}

/**
 * A channel name for an error or a log line. Publishers choose the names: they may be as long as Redis allows,
 * and must not add lines of their own to a log.
 */
export function shorten(channel: string): string {
  return printable(channel, MAX_NAME_LENGTH);
}

/** The message of a thrown value of any type, in one line. Never throws. */
export function messageOf(error: unknown): string {
  return safely(() =>
    printable(isError(error) ? messageIn(error) : shown(error), MAX_MESSAGE_LENGTH),
  );
}

/**
 * A thrown value of any type as a log shows it: an error with its stack, any other value as Node shows it. The message
 * is one line, and each further line is a frame of the stack. Never throws.
 */
export function textOf(error: unknown): string {
  return safely(() =>
    isError(error) ? withStack(error) : printable(inspectInOneLine(error), MAX_MESSAGE_LENGTH),
  );
}

/** A value that was given for an option, for an error. Shows no contents of an object. Never throws. */
export function kindOfValue(value: unknown): string {
  if (typeof value === 'string') {
    return printable(JSON.stringify(cut(withoutLogin(value), MAX_NAME_LENGTH)), Infinity);
  }
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return safely(() => {
    if (!Array.isArray(value)) return 'an object';
    return value.length === 0 ? 'an empty array' : 'an array';
  });
}

function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

/**
 * Without the arguments of commands. An error for a host name with several addresses may have no message of its own,
 * but one for each address.
 */
function messageIn(error: Error): string {
  const message = withoutRepeatedArguments(textIn(error)).trim();
  if (message !== '') return message;
  const { errors, code } = error as { errors?: unknown; code?: unknown };
  if (Array.isArray(errors) && errors.length > 0) {
    return errors.slice(0, MAX_ERRORS).map(messageOf).join('; ');
  }
  return typeof code === 'string' ? code : classOf(error);
}

/** The name of its class, which V8 leaves out of the stack unless the class sets `name`. */
function classOf(error: Error): string {
  const { name } = error;
  const ofClass: unknown = Reflect.get(error.constructor, 'name');
  return name === 'Error' && typeof ofClass === 'string' && ofClass !== '' ? ofClass : name;
}

/** Applications may set a message of any type. */
function textIn({ message }: { readonly message: unknown }): string {
  return String(message);
}

function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? inspectInOneLine(value) : String(value);
}

function inspectInOneLine(value: unknown): string {
  return inspect(value, {
    breakLength: Infinity,
    compact: true,
    maxArrayLength: 20,
    maxStringLength: MAX_MESSAGE_LENGTH,
  });
}

function withStack(error: Error): string {
  const trace: unknown = error.stack;
  const message = withoutRepeatedArguments(textIn(error));
  const stack = typeof trace === 'string' ? withoutRepeatedArguments(trace) : '';
  const end = endOfHead(stack, message);
  const lines = stack.slice(end).split('\n');
  const frames = lines.filter((line) => FRAME.test(line)).slice(0, MAX_FRAMES);
  const shownLines = frames.map((line) => printable(line, MAX_MESSAGE_LENGTH));
  const head = headOf(error, message, stack.slice(0, end));
  return [printable(head, MAX_MESSAGE_LENGTH), ...shownLines].join('\n');
}

/** Where the frames of a stack begin. The message may have lines that look like frames. */
function endOfHead(stack: string, message: string): number {
  const start = message === '' ? -1 : stack.indexOf(message, stack.indexOf(': ') + 2);
  if (start >= 0) return start + message.length;
  const frames = stack.indexOf('\n    at ');
  return frames < 0 ? stack.length : frames;
}

/** The stack of an error has the name and the message that it was created with. */
function headOf(error: Error, message: string, head: string): string {
  const name = classOf(error);
  const text = message === '' ? messageIn(error) : message;
  if (head === '' || message === '') return text === name ? name : `${name}: ${text}`;
  return head.startsWith('Error: ') ? `${name}${head.slice('Error'.length)}` : head;
}

/** What was thrown may have getters that throw, or be a `Proxy` whose traps do. */
function safely(show: () => string): string {
  try {
    return show();
  } catch {
    return UNREADABLE;
  }
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
