import { describe, expect, it } from 'vitest';
import { extensionMs } from '../../../src/shared/late-timer.js';

describe('extensionMs', () => {
  it.each([
    [Number.NaN, 0],
    [-5, 0],
    [20, 0],
    [21, 21],
    [1_000, 1_000],
    [60_000, 1_000],
  ])('extends a limit that was %d ms late by %d ms', (lateMs, extension) => {
    expect(extensionMs(lateMs)).toBe(extension);
  });
});
