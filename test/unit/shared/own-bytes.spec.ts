import { describe, expect, it } from 'vitest';
import { ownBytes } from '../../../src/shared/own-bytes.js';

describe('ownBytes', () => {
  it('copies a small view, so that its buffer is free', () => {
    const chunk = Buffer.alloc(65_536, 'x');
    const own = ownBytes(chunk.subarray(100, 107));
    expect(own.toString()).toBe('xxxxxxx');
    expect(own.buffer.byteLength).toBe(7);
    expect(own.buffer).not.toBe(chunk.buffer);
  });

  it('keeps a view that is most of its buffer', () => {
    const view = Buffer.alloc(65_536).subarray(10_000);
    expect(ownBytes(view)).toBe(view);
  });

  it('keeps bytes without a larger buffer', () => {
    const bytes = Buffer.allocUnsafeSlow(7);
    expect(ownBytes(bytes)).toBe(bytes);
  });
});
