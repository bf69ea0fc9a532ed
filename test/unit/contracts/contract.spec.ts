import { EMPTY } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineEvents, InvalidChannelError, InvalidOptionError } from '../../../src/index.js';

describe('a contract', () => {
  it.each([
    [{ 'a.*': z.string() }, InvalidChannelError, /a channel without a glob in defineEvents/],
    [{ 'a.:id.[ab]': z.string() }, InvalidChannelError, /got "a\.:id\.\[ab\]"/],
    [{ ':id.:id': z.string() }, InvalidChannelError, /distinct parameters/],
    [{ '': z.string() }, InvalidChannelError, /got an empty string/],
    [{ a: {} }, InvalidOptionError, /^Expected ""a" in defineEvents" to be a Standard Schema/],
    [{ a: null }, InvalidOptionError, /got null$/],
    [[], InvalidOptionError, /^Expected "argument of defineEvents" to be an object/],
    [undefined, InvalidOptionError, /got undefined$/],
  ])('refuses the definition %o', (definition, error, text) => {
    const define = () => defineEvents(definition as never);
    expect(define).toThrow(error);
    expect(define).toThrow(text);
  });

  it.each([
    [{ validate: true }, /^Expected "validate" to be "in" or "both", got/],
    [{ validates: 'in' }, /^Unknown option of defineEvents "validates": did you mean "validate"\?/],
    [{ exceptionFactory: 5 }, /^Expected "exceptionFactory" to be a function, got 5/],
    [null, /^Expected "options of defineEvents" to be an object, got null/],
  ])('refuses the options %o', (options, text) => {
    expect(() => defineEvents({}, options as never)).toThrow(text);
  });

  it('takes every name that can be published to', () => {
    const names = ['a', 'a:b', 'a::id', 'a/:b/:c', 'a\\:b', 'ü.🎉'];
    const events = defineEvents(Object.fromEntries(names.map((name) => [name, z.string()])));
    expect(Object.keys(events.schemas)).toEqual(names);
  });

  it('reads the name and the parameters of a channel alone, however long it says it is', () => {
    const read: PropertyKey[] = [];
    const given = new Proxy<Record<PropertyKey, unknown>>(
      { 0: 'user.:id', 1: { id: 7 }, length: 10_000 },
      { get: (target, key) => (read.push(key), target[key]) },
    );
    const emitted: unknown[] = [];
    const client = { emit: (channel: unknown) => (emitted.push(channel), EMPTY) };
    defineEvents({ 'user.:id': z.string() })
      .client(client as never)
      .emit(given as never, 'x' as never);
    expect(emitted).toEqual(['user.7']);
    expect(read).toEqual(['0', '1']);
  });
});
