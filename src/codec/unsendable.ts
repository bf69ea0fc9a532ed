import { types } from 'node:util';
import { isError } from '../shared/is-error.js';

/** How deep a value is searched. JSON text that is nested deeper is sent unchecked. */
const MAX_DEPTH = 1_000;

/** The kinds of objects that JSON writes with all that they have: their fields, or a wrapped value. */
const PLAIN_KINDS = new Set(['Object', 'Arguments', 'Boolean', 'Module', 'Number', 'String']);

/**
 * The prototypes of classes whose instances are sent as their fields, and whether they have getters. The checks of
 * others take longer.
 */
const ordinary = new WeakMap<object, boolean>();

const KEY = /^[A-Za-z_$][\w$]*$/;
const MAX_NAME_LENGTH = 50;
const MAX_PATH_LENGTH = 200;

/**
 * Whether JSON text has everything that a value has, for a value that `JSON.stringify` took. It writes `{}` for
 * a `Map`, an `Error` or a promise, `null` for `NaN`, and leaves functions out, without an error. A `Buffer`
 * may be the whole value only.
 *
 * Runs for every message: each leaf is checked where it is read, since a call for it would cost as much again.
 */
export function isSendable(value: unknown): boolean {
  if (!isObject(value)) return isLeaf(value);
  if (Buffer.isBuffer(value)) return true;
  try {
    return isSendableObject(value, 0);
  } catch {
    // A getter that throws at its second call: the text has what the first one returned.
    return true;
  }
}

/**
 * Returns the path and the type of the first part of a value that JSON has no form for, such as
 * `data.items[3]: Map`; `undefined` if there is none. Never throws. `root` is the name of the value; without
 * one, paths begin with the names of its fields.
 */
export function findUnsendable(value: unknown, root = ''): string | undefined {
  if (Buffer.isBuffer(value)) return undefined;
  const found = search(value, []);
  if (!found) return undefined;
  const path = `${root}${found.path}`.replace(/^\./, '');
  return `${path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}…` : path}: ${found.kind}`;
}

function isSendableObject(value: object, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype) return hasSendableFields(value, depth);
  if (Array.isArray(value)) return isSendableArray(value, depth);
  if (prototype === null) return hasSendableFields(value, depth);
  const withGetters = ordinary.get(prototype);
  if (withGetters === undefined) return isSendableInstance(value, depth);
  if (withGetters && Object.keys(value).length === 0) return false;
  return hasSendableFields(value, depth);
}

function hasSendableFields(value: object, depth: number): boolean {
  const record = value as Readonly<Record<string, unknown>>;
  for (const key in record) {
    const field = record[key];
    // Most fields are text. The check here saves a tenth of the time.
    if (typeof field === 'string') continue;
    if (isLeaf(field) || (isObject(field) && isSendableObject(field, depth + 1))) continue;
    if (typeof record.toJSON === 'function') return isSendableInstance(value, depth);
    // A library may have added it to `Object.prototype`.
    if (Object.hasOwn(record, key)) return false;
  }
  return true;
}

function isSendableArray(array: readonly unknown[], depth: number): boolean {
  for (let i = 0; i < array.length; i++) {
    const item = array[i];
    if (!isLeaf(item) && !(isObject(item) && isSendableObject(item, depth + 1))) return false;
  }
  return true;
}

function isSendableInstance(value: object, depth: number): boolean {
  if (refusedKind(value) !== undefined) return false;
  if (types.isDate(value)) return true;
  const json = jsonFormOf(value);
  if (json !== value) return isLeaf(json) || (isObject(json) && isSendableObject(json, depth + 1));
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== null && tagOf(value) === 'Object') ordinary.set(prototype, hasGetters(value));
  return Object.values(value).every(
    (field) => isLeaf(field) || (isObject(field) && isSendableObject(field, depth + 1)),
  );
}

/** A BigInt is one that an application has given a `toJSON`: `JSON.stringify` refuses all others. */
function isLeaf(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
    case 'bigint':
      return true;
    case 'number':
      return Number.isFinite(value);
    default:
      return value === null;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** What `toJSON` returns; a value without it is its own form. */
function jsonFormOf(value: unknown): unknown {
  const toJSON: unknown = Reflect.get(Object(value) as object, 'toJSON');
  return typeof toJSON === 'function' ? Reflect.apply(toJSON, value, ['']) : value;
}

/** The kind of an object that JSON has no form for; `undefined` for all others. May throw. */
function refusedKind(value: object): string | undefined {
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'invalid Date' : undefined;
  if (ArrayBuffer.isView(value)) return nameOf(value);
  if (typeof Reflect.get(value, 'toJSON') === 'function') return undefined;
  if (types.isPromise(value)) return 'Promise';
  if (typeof Reflect.get(value, 'then') === 'function') return 'thenable object';
  if (types.isNumberObject(value)) return refusedLeaf(Number(value));
  return isWithoutFields(value) ? nameOf(value) : undefined;
}

/** Whether what an object holds is not in its fields: errors, collections, and all that the platform marks so. */
function isWithoutFields(value: object): boolean {
  if (isError(value)) return true;
  if (types.isMap(value) || types.isSet(value) || types.isRegExp(value)) return true;
  if (Array.isArray(value) || Object.keys(value).length > 0) return false;
  return !PLAIN_KINDS.has(tagOf(value)) || hasGetters(value);
}

/** Whether the class of an object, or one that it extends, has getters. What they read may be private. */
function hasGetters(value: object): boolean {
  let prototype = Object.getPrototypeOf(value) as object | null;
  while (prototype !== null) {
    const next = Object.getPrototypeOf(prototype) as object | null;
    // The last one is `Object.prototype`, of this realm or another, with the getter of `__proto__`.
    if (next === null) return false;
    const fields = Object.values(Object.getOwnPropertyDescriptors(prototype));
    if (fields.some((field) => field.get !== undefined)) return true;
    prototype = next;
  }
  return false;
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

function nameOf(value: object): string {
  const name: unknown = Reflect.get(value, 'constructor')?.name;
  const isName = typeof name === 'string' && KEY.test(name) && name !== 'Object';
  return isName ? name.slice(0, MAX_NAME_LENGTH) : tagOf(value).slice(0, MAX_NAME_LENGTH);
}

/** Where a part that JSON has no form for is, and what it is. */
interface Unsendable {
  readonly path: string;
  readonly kind: string;
}

/** `around` are the objects that contain the value. Objects of an application may throw at every access. */
function search(value: unknown, around: readonly object[]): Unsendable | undefined {
  if (!isObject(value)) return unsendable(refusedLeaf(value));
  if (around.includes(value)) return unsendable('circular reference');
  if (around.length > MAX_DEPTH) return undefined;
  const kind = safely(() => refusedKind(value));
  if (!kind) return unsendable('object that cannot be read');
  if (kind.value !== undefined) return unsendable(kind.value);
  const form = safely(() => jsonFormOf(value));
  if (!form)
    return unsendable(`${safely(() => nameOf(value))?.value ?? 'object'}, whose toJSON throws`);
  return form.value === value
    ? searchFields(value, [...around, value])
    : search(form.value, [...around, value]);
}

function searchFields(value: object, around: readonly object[]): Unsendable | undefined {
  const keys = safely(() => Object.keys(value));
  if (!keys) return unsendable('object that cannot be read');
  for (const key of keys.value) {
    const field = safely(() => Reflect.get(value, key) as unknown);
    const found = field ? search(field.value, around) : unsendable('getter that throws');
    if (found)
      return { path: `${pathOf(key, Array.isArray(value))}${found.path}`, kind: found.kind };
  }
  return undefined;
}

function unsendable(kind: string | undefined): Unsendable | undefined {
  return kind === undefined ? undefined : { path: '', kind };
}

function refusedLeaf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? undefined : String(value);
    case 'bigint':
      return jsonFormOf(value) === value ? 'BigInt' : undefined;
    case 'function':
    case 'symbol':
      return typeof value;
    default:
      return undefined;
  }
}

function pathOf(key: string, isIndex: boolean): string {
  if (isIndex) return `[${key}]`;
  return KEY.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function safely<T>(read: () => T): { readonly value: T } | undefined {
  try {
    return { value: read() };
  } catch {
    return undefined;
  }
}
