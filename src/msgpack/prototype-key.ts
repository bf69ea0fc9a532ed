import { Packr } from 'msgpackr';
import { PROTOTYPE_KEY } from './unpackable.js';

const KEY = Buffer.from(PROTOTYPE_KEY);
/** Keys stay as they were sent. */
const asMaps = new Packr({ useRecords: false, mapsAsObjects: false });

/**
 * Whether an object in a payload has the key `__proto__`. Most payloads do not have these bytes at all: only the others
 * are read once more. Throws as msgpackr does.
 */
export function hasPrototypeKey(payload: Uint8Array): boolean {
  const { buffer, byteOffset, byteLength } = payload;
  const isThere = Buffer.from(buffer, byteOffset, byteLength).includes(KEY);
  return isThere && isInMaps(asMaps.unpack(payload));
}

function isInMaps(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isInMaps);
  if (!(value instanceof Map)) return false;
  return value.has(PROTOTYPE_KEY) || [...value.values()].some(isInMaps);
}
