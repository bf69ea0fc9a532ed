import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aliasProviders, registerCopy } from '../../../src/module/copies.js';

const REGISTRY = Symbol.for('nestjs-redis-pubsub.copies');
const MANIFEST = /^\d+\.\d+\.\d+/;

interface Registry {
  copies: { version: string; url: string; tokens: object }[];
}

const other = {
  version: '9.9.9',
  url: 'file:///other/dist/module/copies.js',
  tokens: { A: 'other A' },
};
const third = { version: '9.9.8', url: 'file:///third/dist/module/copies.js', tokens: {} };

const registry = () => Reflect.get(globalThis, REGISTRY) as Registry;

describe('registerCopy', () => {
  let lines: string[];
  let saved: unknown;

  beforeEach(() => {
    lines = [];
    vi.spyOn(Logger.prototype, 'warn').mockImplementation(
      (line: unknown) => void lines.push(String(line)),
    );
    saved = Reflect.get(globalThis, REGISTRY);
    Reflect.set(globalThis, REGISTRY, undefined);
  });
  afterEach(() => {
    Reflect.set(globalThis, REGISTRY, saved);
    vi.restoreAllMocks();
  });

  it('notes the version and the place of this copy', () => {
    const prepared: unknown = Reflect.get(Error, 'prepareStackTrace');
    registerCopy({ A: 'own A' });
    expect(registry().copies).toEqual([
      {
        version: expect.stringMatching(MANIFEST) as string,
        url: expect.stringMatching(/^file:\/\/\/.*\/src\/shared\/this-package\.ts/) as string,
        tokens: { A: 'own A' },
      },
    ]);
    expect(lines).toEqual([]);
    expect(Reflect.get(Error, 'prepareStackTrace')).toBe(prepared);
  });

  it('logs nothing when the same file is evaluated again', () => {
    registerCopy({ A: 1 });
    registerCopy({ A: 2 });
    expect(registry().copies.map(({ tokens }) => tokens)).toEqual([{ A: 2 }]);
    expect(lines).toEqual([]);
  });

  it('logs the second copy, and no further one', () => {
    Reflect.set(globalThis, REGISTRY, { copies: [other], hasWarned: false });
    registerCopy({});
    registry().copies.push(third);
    registerCopy({});
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(
      'two copies of nestjs-redis-pubsub: 9.9.9 at file:///other/dist/module/copies.js, ',
    );
    expect(lines[0]).toContain('npm ls nestjs-redis-pubsub');
  });

  it('provides the classes of this copy for the tokens of others', () => {
    Reflect.set(globalThis, REGISTRY, { copies: [other, third], hasWarned: true });
    const own = { A: 'own A', B: 'own B' };
    registerCopy(own);
    expect(aliasProviders(own)).toEqual([{ provide: 'other A', useExisting: 'own A' }]);
  });
});
