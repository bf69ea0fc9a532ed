/**
 * An error without what ioredis and Redis add to it: the arguments of the command, among which are passwords
 * and payloads. The same error if it has none; otherwise a copy, since ioredis gives the original to others, too.
 */
export function withoutArguments<T>(error: T): T {
  return cleaned(error, 0) as T;
}

/** Redis repeats the arguments of a command that it does not know. */
export function withoutRepeatedArguments(text: string): string {
  return text.replace(/,? with args beginning with:[^\n]*/gi, '');
}

/** An address as an error may show it: text before an `@`, and after a `?`, may contain a password. */
export function withoutLogin(address: string): string {
  return address.replace(/^.*[/:].*@/s, '…@').replace(/([/:].*)\?.*$/s, '$1?…');
}

/** No chain of causes is longer; one that is a circle ends here. */
const MAX_DEPTH = 10;

function cleaned(error: unknown, depth: number): unknown {
  if (!(error instanceof Error)) return error;
  if (depth > MAX_DEPTH) return undefined;
  const changes: PropertyDescriptorMap = {};
  let hasChanges = hasArguments(error) || withoutRepeatedArguments(error.message) !== error.message;
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(error))) {
    if (ARGUMENTS.has(name) && hasArguments(error)) continue;
    // In newer versions of Node a getter, which belongs to its own error.
    if (name === 'stack' && descriptor.get) continue;
    const value = cleanedProperty(descriptor.value, depth + 1);
    hasChanges ||= value !== descriptor.value;
    changes[name] = 'value' in descriptor ? { ...descriptor, value } : descriptor;
  }
  if (!hasChanges) return error;
  const copy = new Error(withoutRepeatedArguments(error.message));
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object);
  return Object.defineProperties(copy, changes);
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
