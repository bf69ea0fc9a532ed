/** A part of a value that MessagePack has no form for. */
interface Unpackable {
  /** Where it is: `.items[3]`. */
  readonly path: string;
  readonly kind: string;
}

/** msgpackr reads this key as another one: an object must not get the prototype that a payload names. */
export const PROTOTYPE_KEY = '__proto__';

/** How deep objects may contain each other. A circular reference is deeper than any. */
const MAX_DEPTH = 1_000;
const MAX_PATH_LENGTH = 200;
const KEY = /^[A-Za-z_$][\w$]*$/;
const LEAST = -(2n ** 63n);
const MOST = 2n ** 64n - 1n;

/**
 * Returns the path and the kind of the first part of a value that would not arrive as it is, such as
 * `data.items[3]: Map`. msgpackr would send an object or `null` in its place, without an error.
 */
export function findUnpackable(value: unknown): string | undefined {
  const found = search(value, 0);
  if (!found) return undefined;
  const path = found.path.replace(/^\./, '');
  const shown = path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}…` : path;
  return `${shown === '' ? 'data' : shown}: ${found.kind}`;
}

/** Creates nothing for a value that can be sent: it runs for every message. */
function search(value: unknown, depth: number): Unpackable | undefined {
  if (typeof value !== 'object') return searchLeaf(value);
  if (value === null) return undefined;
  if (depth > MAX_DEPTH) return at('', 'nested too deeply, or a circular reference');
  if (Array.isArray(value)) return searchItems(value, depth);
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype || prototype === null) return searchFields(value, depth);
  return searchInstance(value, depth);
}

function searchLeaf(value: unknown): Unpackable | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : at('', 'text with a lone surrogate');
    case 'bigint':
      return value >= LEAST && value <= MOST ? undefined : at('', 'BigInt of more than 64 bits');
    case 'function':
    case 'symbol':
      return at('', typeof value);
    default:
      return undefined;
  }
}

function searchItems(items: readonly unknown[], depth: number): Unpackable | undefined {
  for (let i = 0; i < items.length; i++) {
    const found = search(items[i], depth + 1);
    if (found) return at(`[${i}]${found.path}`, found.kind);
  }
  return undefined;
}

function searchFields(value: object, depth: number): Unpackable | undefined {
  const fields = value as Readonly<Record<string, unknown>>;
  if (typeof fields.toJSON === 'function') return searchForm(value, depth);
  for (const key in fields) {
    const found = searchKey(key, fields[key]) ?? search(fields[key], depth + 1);
    if (found && Object.hasOwn(fields, key)) return at(`${pathOf(key)}${found.path}`, found.kind);
  }
  return undefined;
}

/** A field that is `undefined` is left out, whatever its key is. Keys that are symbols are left out, as in JSON. */
function searchKey(key: string, value: unknown): Unpackable | undefined {
  if (key !== PROTOTYPE_KEY && key.isWellFormed()) return undefined;
  if (value === undefined) return undefined;
  return at('', key === PROTOTYPE_KEY ? 'key that no reader accepts' : 'key with a lone surrogate');
}

/** An object of a class is sent as its fields, or as its `toJSON` says; a point in time and bytes as they are. */
function searchInstance(value: object, depth: number): Unpackable | undefined {
  if (value instanceof Uint8Array || value instanceof Date) return undefined;
  if (typeof Reflect.get(value, 'toJSON') === 'function') return searchForm(value, depth);
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return tag === 'Object' ? searchFields(value, depth) : at('', tag);
}

function searchForm(value: object, depth: number): Unpackable | undefined {
  const form = (value as { toJSON(): unknown }).toJSON();
  return form === value ? at('', 'object whose toJSON returns itself') : search(form, depth + 1);
}

function at(path: string, kind: string): Unpackable {
  return { path, kind };
}

function pathOf(key: string): string {
  return KEY.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
