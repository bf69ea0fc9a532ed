import { describe, expect, it } from 'vitest';
import { buildChannel, InvalidChannelError, InvalidOptionError } from 'nestjs-redis-pubsub';
import { assertChannel, ChannelPattern } from '../../../src/channel/channel-pattern.js';

const LONGEST = 131_072;

const describePattern = (source: string) => {
  const { kind, name, hasParams } = ChannelPattern.parse(source);
  return { kind, name, hasParams };
};

describe('a pattern', () => {
  it.each([
    ['user.created', 'user.created'],
    ['user:created/now', 'user:created/now'],
    ['naïve.😀', 'naïve.😀'],
    ['with space', 'with space'],
    [String.raw`a\*b`, 'a*b'],
    [String.raw`a\\b`, String.raw`a\b`],
    [String.raw`\:id`, ':id'],
    [String.raw`user.\:id`, 'user.:id'],
    ['a\\', 'a\\'],
    ['user-:id', 'user-:id'],
    ['user.x:1', 'user.x:1'],
    ['user.:1st', 'user.:1st'],
    ['user.:', 'user.:'],
    ['user.:id-x', 'user.:id-x'],
    ['user.:idé', 'user.:idé'],
    ['a]b', 'a]b'],
    ['a^b-c', 'a^b-c'],
  ])('%j without glob and parameter is the literal %j', (source, name) => {
    expect(describePattern(source)).toEqual({ kind: 'channel', name, hasParams: false });
  });

  it.each([
    ['user.*', 'user.*'],
    ['user.?', 'user.?'],
    ['user.[ab]', 'user.[ab]'],
    ['user.[^a-c]x', 'user.[^a-c]x'],
    ['user.[ab', 'user.[ab'],
    [String.raw`user.\*.*`, String.raw`user.\*.*`],
    [String.raw`user.\a.*`, 'user.a.*'],
    ['é*', 'é*'],
    ['x:id*', 'x:id*'],
    ['[.]:id', '[.]:id'],
    [String.raw`[\]]*`, String.raw`[\]]*`],
  ])('%j with a glob is subscribed as the glob %j', (source, name) => {
    expect(describePattern(source)).toEqual({ kind: 'pattern', name, hasParams: false });
  });

  it.each([
    [':id', '*', '42', { id: '42' }],
    ['user.:id', 'user.*', 'user.42', { id: '42' }],
    ['user.:id.inbox', 'user.*.inbox', 'user.42.inbox', { id: '42' }],
    ['user::id:inbox', 'user:*:inbox', 'user:42:inbox', { id: '42' }],
    ['user/:id/inbox', 'user/*/inbox', 'user/42/inbox', { id: '42' }],
    [':a:b', '*:b', 'x:b', { a: 'x' }],
    [':a.:b', '*.*', 'x.y', { a: 'x', b: 'y' }],
    [':a::b', '*:*', 'x:y', { a: 'x', b: 'y' }],
    ['*.:id', '*.*', 'a.b.c', { id: 'c' }],
    ['[ab].:id', '[ab].*', 'b.c', { id: 'c' }],
    ['u.:user_id.:_', 'u.*.*', 'u.1.2', { user_id: '1', _: '2' }],
    ['u.:id', 'u.*', 'u.grüße😀', { id: 'grüße😀' }],
    ['é.:id.é', 'é.*.é', 'é.ü.é', { id: 'ü' }],
    ['u.:id', 'u.*', 'u.*', { id: '*' }],
    ['u.:constructor', 'u.*', 'u.x', { constructor: 'x' }],
    [String.raw`\*.:id`, String.raw`\*.*`, '*.x', { id: 'x' }],
  ])(
    '%j is subscribed as %j and takes from %j the parameters %j',
    (source, name, channel, params) => {
      expect(describePattern(source)).toEqual({ kind: 'pattern', name, hasParams: true });
      expect(ChannelPattern.parse(source).match(channel)).toEqual(params);
    },
  );

  it.each([
    ['user.:id', 'user.'],
    ['user.:id', 'user.1.inbox'],
    ['user.:id', 'user.1:inbox'],
    ['user.:id', 'user.1/inbox'],
    ['user.:id.inbox', 'user.1.2.inbox'],
    ['user.:id.inbox', 'user..inbox'],
    ['user.:id.inbox', 'user.1:2.inbox'],
    ['[ab].:id', 'c.1'],
    [':a.:b', 'x.y.z'],
  ])('%j does not match %j, although its glob may', (source, channel) => {
    expect(ChannelPattern.parse(source).match(channel)).toBeUndefined();
  });

  it('accepts a parameter with the name __proto__', () => {
    const params = ChannelPattern.parse('u.:__proto__').match('u.x');
    expect(params && Object.entries(params)).toEqual([['__proto__', 'x']]);
  });

  it('refuses a parameter that comes twice, and names it', () => {
    const source = 'user.:id.friend.:id';
    const parse = () => ChannelPattern.parse(source);
    expect(parse).toThrow(InvalidChannelError);
    expect(parse).toThrow('":id" twice');
  });

  it('accepts as many distinct parameters as fit', () => {
    const names = Array.from({ length: 16_000 }, (_, i) => `p${i}`);
    const pattern = ChannelPattern.parse(names.map((name) => `:${name}`).join('.'));
    expect(Object.keys(pattern.match(names.join('.')) ?? {})).toEqual(names);
  });

  it('keeps the source of the user', () => {
    expect(ChannelPattern.parse(String.raw`user.\*.:id`).source).toBe(String.raw`user.\*.:id`);
  });
});

describe('a prefix', () => {
  it('precedes a literal unchanged', () => {
    expect(ChannelPattern.parse('news').withPrefix('*[x]:')).toBe('*[x]:news');
    expect(ChannelPattern.literal('a*').withPrefix('shop:')).toBe('shop:a*');
  });

  it('is escaped before a glob', () => {
    expect(ChannelPattern.parse('news.*').withPrefix('*[x]:')).toBe(String.raw`\*\[x\]:news.*`);
  });
});

describe('a literal', () => {
  it.each(['user.*', 'user.:id', ':id', '[a]', 'a\\', '?'])('%j matches only itself', (channel) => {
    const pattern = ChannelPattern.literal(channel);
    expect(pattern).toMatchObject({ kind: 'channel', name: channel, hasParams: false });
    expect(pattern.match(channel)).toEqual({});
  });
});

describe('assertChannel', () => {
  it.each(['a', ' ', '*', '😀', '\0', 'x'.repeat(LONGEST)])('takes a name (case %#)', (channel) => {
    expect(assertChannel(channel)).toBe(channel);
  });

  it.each([
    ['an empty name', '', 'an empty string'],
    ['a number', 42, 'got number'],
    ['undefined', undefined, 'got undefined'],
    ['an object', { cmd: 'x' }, 'got object'],
    ['a lone surrogate', 'a\ud800b', 'lone surrogate'],
    ['a name that is too long', 'x'.repeat(LONGEST + 1), 'at most 131072 characters, got 131073'],
  ])('refuses %s and says why', (_, channel, why) => {
    expect(() => assertChannel(channel)).toThrow(InvalidChannelError);
    expect(() => assertChannel(channel)).toThrow(why);
  });

  it('is called by each function that creates a pattern', () => {
    expect(() => ChannelPattern.parse('')).toThrow(InvalidChannelError);
    expect(() => ChannelPattern.parse('\udc00')).toThrow(InvalidChannelError);
    expect(() => ChannelPattern.parse(`${'*'.repeat(LONGEST)}*`)).toThrow('at most 131072');
    expect(() => ChannelPattern.literal('')).toThrow(InvalidChannelError);
    expect(() => ChannelPattern.literal('\udc00')).toThrow(InvalidChannelError);
  });
});

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
    expect(build).toThrow('encodeSegment');
    expect(build).toThrow(expect.objectContaining({ statusCode: 400 }));
  });

  it('blames the caller for a value alone', () => {
    for (const build of [
      () => buildChannel('user.*', {}),
      () => buildChannel('news', { id: 1 }),
      () => buildChannel('', {}),
    ]) {
      expect(build).toThrow(expect.not.objectContaining({ statusCode: 400 }));
    }
  });

  it.each([
    ['inbox-:id', 'id'],
    [String.raw`user.\:id`, 'id'],
    ['user.:user-id.inbox', 'user-id'],
    ['user.:1', '1'],
    ['news', 'id'],
  ])('refuses for %j the value of %j, which the template does not use', (template, name) => {
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

  it('refuses a template, and a channel, that is too long', () => {
    const long = 'x'.repeat(LONGEST - 10);
    expect(buildChannel(`${long}.:id`, { id: 'x' })).toBe(`${long}.x`);
    for (const build of [
      () => buildChannel(`${long}.:id`, { id: 'x'.repeat(10) }),
      () => buildChannel(`${long}${long}`, {}),
    ]) {
      expect(build).toThrow(InvalidChannelError);
      expect(build).toThrow('at most 131072 characters');
    }
  });

  it('refuses a lone surrogate in a value', () => {
    const values = { id: '\ud83d' };
    const build = () => buildChannel('user.:id', values);
    expect(build).toThrow(InvalidChannelError);
    expect(build).toThrow(expect.objectContaining({ statusCode: 400 }));
  });

  it('reads no value from a prototype', () => {
    expect(() => buildChannel('user.:toString', {})).toThrow(InvalidOptionError);
  });
});
