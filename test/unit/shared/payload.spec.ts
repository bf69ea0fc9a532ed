import { describe, expect, it } from 'vitest';
import { ChunkPayload } from '../../../src/shared/payload.js';

/** A payload of seven bytes in a chunk of 64 KiB. */
const small = (chunk = Buffer.alloc(65_536, 'x')): ChunkPayload =>
  new ChunkPayload(chunk, 100, 107);

describe('ChunkPayload', () => {
  it('is the part of its chunk from the first position to before the second', () => {
    const payload = new ChunkPayload(Buffer.from('<naïve>'), 1, 7);
    expect(payload.length).toBe(6);
    expect(payload.text()).toBe('naïve');
    expect(payload.bytes()).toEqual(Buffer.from('naïve'));
  });

  it('may be empty', () => {
    const payload = new ChunkPayload(Buffer.from('chunk'), 2, 2);
    expect([payload.length, payload.text(), payload.bytes()]).toEqual([0, '', Buffer.alloc(0)]);
  });

  it('has U+FFFD in its text for bytes that are not UTF-8, and the bytes as they are', () => {
    const payload = new ChunkPayload(Buffer.from([0x61, 0xff]));
    expect(payload.text()).toBe('a\ufffd');
    expect(payload.bytes()).toEqual(Buffer.from([0x61, 0xff]));
  });

  it('has bytes of its own, so that its chunk is free', () => {
    const own = small().bytes();
    expect(own.toString()).toBe('xxxxxxx');
    expect(own.buffer.byteLength).toBe(7);
  });

  it('has a view of a chunk of which it is the most', () => {
    const chunk = Buffer.alloc(65_536);
    const payload = new ChunkPayload(chunk, 10_000);
    expect(payload.bytes().buffer).toBe(chunk.buffer);
  });

  it('has bytes of its own where something follows in the chunk', () => {
    const chunk = Buffer.alloc(65_536);
    const bytes = (to: number): Buffer => new ChunkPayload(chunk, 10, to).bytes();
    expect(bytes(65_534).buffer).toBe(chunk.buffer);
    expect(bytes(65_533).buffer.byteLength).toBe(65_523);
  });

  it('has the bytes of a chunk that is no longer than they are', () => {
    const bytes = Buffer.allocUnsafeSlow(7);
    expect(new ChunkPayload(bytes).bytes().buffer).toBe(bytes.buffer);
  });

  it('cannot be read after its release', () => {
    const payload = small();
    payload.release();
    expect(() => payload.text()).toThrow('after its delivery');
    expect(() => payload.bytes()).toThrow('after its delivery');
    expect(payload.length).toBe(7);
  });

  it('can be read after its release if it is kept, whatever is in the chunk then', () => {
    const chunk = Buffer.alloc(65_536, 'x');
    const payload = small(chunk);
    payload.keep();
    payload.keep();
    payload.release();
    chunk.fill('y');
    expect(payload.text()).toBe('xxxxxxx');
    expect(payload.bytes().buffer.byteLength).toBe(7);
  });
});
