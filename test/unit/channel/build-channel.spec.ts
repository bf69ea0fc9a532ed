import { describe, expect, it } from 'vitest';
import { buildChannel, InvalidChannelError, InvalidOptionError } from 'nestjs-redis-pubsub';

describe('buildChannel', () => {
  it.each([
    ['user.:id.inbox', { id: 42 }, 'user.42.inbox'],
    ['user.:id.inbox', { id: 'a b' }, 'user.a b.inbox'],
    ['user::id:inbox', { id: 7n }, 'user:7:inbox'],
    ['user/:a/:b', { a: 'x', b: 'y' }, 'user/x/y'],
    [':a.:a', { a: 'x' }, 'x.x'],
    ['news', {}, 'news'],
    [String.raw`user.\:id`, {}, 'user.:id'],
    [String.raw`a\*b`, {}, 'a*b'],
    ['é.:id', { id: '😀' }, 'é.😀'],
    ['user.:id', { id: 0 }, 'user.0'],
    ['user.:id', { id: 1, other: undefined as unknown as string }, 'user.1'],
  ])('puts values into %j (%#)', (template, values, channel) => {
    expect(buildChannel(template, values)).toBe(channel);
  });

  it.each(['*', '?', '[a]', '\\', '^'])('keeps the glob character %j in a value literal', (id) => {
    expect(buildChannel('user.:id', { id })).toBe(`user.${id}`);
  });

  it.each([
    ['is missing', {}],
    ['is empty', { id: '' }],
    ['adds a segment with "."', { id: '1.2' }],
    ['adds a segment with ":"', { id: ':x' }],
    ['adds a segment with "/"', { id: 'a/b' }],
    ['is a fraction', { id: 1.5 }],
    ['is inherited', Object.create({ id: 'x' }) as Record<string, string>],
    ['is an object', { id: {} as unknown as string }],
    ['is undefined', { id: undefined as unknown as string }],
    ['is null', { id: null as unknown as string }],
    ['is a boolean', { id: true as unknown as string }],
  ])('refuses a value that %s, and names it', (_, values) => {
    const build = () => buildChannel('user.:id', values);
    expect(build).toThrow(InvalidOptionError);
    expect(build).toThrow('"id"');
  });

  it.each([
    ['inbox-:id', 'id'],
    [String.raw`user.\:id`, 'id'],
    ['user.:user-id.inbox', 'user-id'],
    ['user.:1', '1'],
    ['news', 'id'],
  ])('refuses for %j the value of %j, which everybody would share it without', (template, name) => {
    const build = () => buildChannel(template, { [name]: 42 });
    expect(build).toThrow(InvalidOptionError);
    expect(build).toThrow(`Expected "${name}" to be a parameter of `);
  });

  it.each(['user.*', 'user.?', 'user.[ab]', '*', 'user.:id.*', 'a['])(
    'refuses the template %j, which does not name one channel',
    (template) => {
      expect(() => buildChannel(template, { id: 1 })).toThrow(InvalidChannelError);
    },
  );

  it.each(['', '\ud800'])('refuses the template %j, which no channel can have', (template) => {
    expect(() => buildChannel(template, {})).toThrow(InvalidChannelError);
  });

  it('refuses half a character in a value', () => {
    expect(() => buildChannel('user.:id', { id: '\ud83d' })).toThrow(InvalidChannelError);
  });

  it('looks no value up in a prototype', () => {
    expect(() => buildChannel('user.:toString', {})).toThrow(InvalidOptionError);
  });
});
