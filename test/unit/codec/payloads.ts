import * as fc from 'fast-check';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes a payload in the simplest way: as JSON, else as text, else as bytes. A number that would not print
 * as it was written is text.
 */
export function decodePlainly(payload: Uint8Array): unknown {
  let text: string;
  try {
    text = strict.decode(payload);
  } catch {
    return Buffer.from(payload);
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'number' && String(value) !== text ? text : value;
  } catch {
    return text;
  }
}

const json = fc.json().map((text) => Buffer.from(text));
const cutJson = fc
  .tuple(fc.json(), fc.nat(20), fc.constantFrom('', ' ', '\t\n', '\v', '\ufeff', 'x', '\0'))
  .map(([text, end, before]) => Buffer.from(before + text.slice(0, end)));
const text = fc.string({ unit: 'grapheme' }).map((it) => Buffer.from(it));
const bytes = fc.uint8Array().map((it) => Buffer.from(it));
const mixed = fc.tuple(text, bytes).map((parts) => Buffer.concat(parts));
const digits = fc
  .stringMatching(/^-?\d{1,25}(\.\d{1,3})?(e\d{1,3})?$/)
  .map((it) => Buffer.from(it));
/** JSON, JSON that is cut, numbers, text, and bytes. */
export const anyPayload = fc.oneof(json, cutJson, digits, text, bytes, mixed);

/** A value that JSON can represent. */
export const jsonValue = fc
  .jsonValue()
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);
