/** The keys that lead from a message to a part of it. */
export type Path = readonly (string | number)[];

/** A part of a message that JSON has no form for. */
export interface DetachedBytes {
  readonly path: Path;
  readonly bytes: Uint8Array;
}

/** No message is deeper; an object that contains itself is deeper than any. */
const MAX_DEPTH = 1_000;

/** Whether a value has bytes that {@link detachBytes} would detach. Creates nothing: it runs for every message. */
export function hasBytes(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isBytes(value)) return true;
  // JSON reports an object that contains itself, with a clear error.
  if (depth > MAX_DEPTH || hasJsonForm(value)) return false;
  if (Array.isArray(value)) return value.some((item) => hasBytes(item, depth + 1));
  return haveBytes(value as Fields, depth + 1);
}

type Fields = Readonly<Record<string, unknown>>;

function haveBytes(fields: Fields, depth: number): boolean {
  for (const key in fields) {
    if (hasBytes(fields[key], depth) && Object.hasOwn(fields, key)) return true;
  }
  return false;
}

/** Copies a message with `null` in the place of bytes, and adds these to `detached`. */
export function detachBytes(value: unknown, detached: DetachedBytes[], path: Path = []): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isBytes(value)) {
    detached.push({ path, bytes: viewOf(value) });
    return null;
  }
  if (hasJsonForm(value)) return value;
  if (path.length > MAX_DEPTH) throw new TypeError('it is nested too deeply, or contains itself');
  if (Array.isArray(value)) {
    return value.map((item, i) => detachBytes(item, detached, [...path, i]));
  }
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, item]) => [key, detachBytes(item, detached, [...path, key])]),
  );
}

/** Puts bytes back in their place. Throws a `TypeError` for a path that leads nowhere. */
export function attachBytes(message: object, path: Path, bytes: Buffer): void {
  const last = path.at(-1);
  const holder = path.slice(0, -1).reduce<unknown>(fieldOf, message);
  if (last === undefined || fieldOf(holder, last) !== null) throw unknownPlace();
  // The field is an own one: not even "__proto__" is a setter there.
  (holder as Record<string, unknown>)[last] = bytes;
}

function fieldOf(holder: unknown, key: string | number): unknown {
  const isField = typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key);
  if (!isField) throw unknownPlace();
  return (holder as Fields)[key];
}

function unknownPlace(): TypeError {
  return new TypeError('Expected bytes with a place in their message');
}

function isBytes(value: object): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

function viewOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (!ArrayBuffer.isView(value)) return new Uint8Array(value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function hasJsonForm(value: object): boolean {
  return typeof (value as { readonly toJSON?: unknown }).toJSON === 'function';
}
