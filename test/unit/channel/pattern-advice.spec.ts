import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSegment, escapeGlob } from 'nestjs-redis-pubsub';
import { adviceForLiteral, adviceForPattern } from '../../../src/channel/pattern-advice.js';

describe('adviceForPattern', () => {
  it.each([
    [
      'Orders::Paid',
      String.raw`":Paid" is a parameter, and the pattern never matches a channel with "::Paid"; write ":\:Paid"`,
    ],
    ['App::Events::Paid', ':Events'],
    ['user.{id}', '"{id}" is literal text; a parameter is a segment ":name"'],
    ['user.${id}', '"${id}" is literal text'],
    ['user.{}', '"{}"'],
    ['user.{user-id}.inbox', '"{user-id}"'],
    ['user.{created,updated}', 'no alternatives; use a pattern for each'],
    ['user.<id>', '"<id>" is literal text'],
    ['user.#', '"#" is literal text; "*" matches any text'],
    ['#', '"#"'],
    ['user/+/inbox', '"+"'],
    ['user.>', '">"'],
    ['user:+', '"+"'],
    ['user.:user-id', '":user-id" is no parameter; a parameter is a whole segment ":name"'],
    ['user.:id*', '":id*"'],
    ['user.:id?', '":id?"'],
    [String.raw`user.:id(\d+)`, ':id('],
    [':idé.x', '":idé"'],
    ['^user.*', '"^" is of a regular expression; a pattern is a glob'],
    ['user.*$', '"$"'],
    ['user.(created|updated)', '"(created|updated)" is of a regular expression'],
    ['user.(?:a)', '"(?"'],
    ['user.[a-z]+', '"]+"'],
    [String.raw`user\..*`, String.raw`"\." is of a regular expression`],
    [String.raw`user.\d+`, String.raw`"\d+" is of a regular expression`],
    [String.raw`/user\..*/`, String.raw`"\."`],
    [String.raw`App\Events\Paid`, String.raw`"\E" stands for "E"; write "\\" for a backslash`],
    ['user.created ', 'white space'],
    ['user.{id:int}', '"{id:int}" is literal text; a parameter is a segment ":name"'],
    ['user.{ id }', '"{ id }"'],
    ['user.{0}', '"{0}"'],
    ['user.{...rest}', '"{...rest}"'],
    ['user.{{id}}', '"{id}"'],
    ['order.{42}', '"{42}"'],
    ['user.{*}', 'the braces of "{*}" are literal text'],
    ['user.{a|b}', 'no alternatives; use a pattern for each'],
    ['user.<int:id>', '"<int:id>" is literal text'],
    [
      'user.*|order.*',
      '"|" is literal text, since Redis has no alternatives; use a pattern for each',
    ],
    ['user.created|user.updated', '"|"'],
    ['user.a,user.b', '"," is literal text, since Redis has no alternatives'],
    ['user.*, order.*', '","'],
    ['user.a;user.b', '";"'],
    ['user.%', '"%" is literal text; "*" matches any text'],
    ['user.%s.inbox', '"%s"'],
    ['user.$id', '"$id" is literal text; a parameter is a segment ":name"'],
    ['user.@id.inbox', '"@id"'],
    ['user:$userId', '"$userId"'],
    ['user-:id', '":id" is literal text, since it begins no segment'],
    ['user_:id.inbox', '":id"'],
    ['Orders::paid', String.raw`":paid" is a parameter`],
    ['App:Orders::order_paid', String.raw`write ":\:order_paid" for literal colons`],
    ['!user.created', '"!" is literal text'],
    ['\tuser.created', 'white space'],
  ])('for %j is about %j', (pattern, advice) => {
    expect(adviceForPattern(pattern, false)).toContain(advice);
  });

  it.each([
    'user.created',
    'user.*',
    '*',
    'user.**',
    'user.?',
    'user.[ab]',
    'user.[^a-c]x*',
    'user.:id',
    'user::id:inbox',
    'user/:userId/inbox',
    ':a.:b',
    'user::id',
    'User::id',
    'user:created',
    'user:*:created',
    '@scope/package.*',
    '$SYS.*',
    'user.a@b.c',
    'price.eur,usd',
    'user|*',
    'rate.100%.x',
    'Orders:Paid',
    String.raw`Orders:\:Paid`,
    String.raw`Orders\:\:Paid`,
    String.raw`user.\:id-x`,
    String.raw`a\*b`,
    String.raw`a\\b`,
    'c++',
    'a#b',
    'price>10',
    'a b',
    'a|b',
    'user.(new)',
    '{"cmd":"sum","to":1}',
    '{"cmd":{"a":{}}}',
    '__keyevent@0__:expired',
    '__keyspace@0__:session:*',
  ])('has nothing to say about %j', (pattern) => {
    expect(adviceForPattern(pattern, false)).toBeUndefined();
  });

  it('takes braces in the pattern of a shard channel for a hash tag', () => {
    expect(adviceForPattern('order.{user}.paid', true)).toBeUndefined();
    expect(adviceForPattern('order.#', true)).toContain('"#"');
  });

  it('has nothing to say about letters and digits that escapeGlob escaped', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w-]{1,10}$/), (host) => {
        expect(adviceForPattern(`log.${escapeGlob(host)}.*`, false)).toBeUndefined();
      }),
    );
  });
});

describe('adviceForLiteral', () => {
  it.each([
    ['user.*', '"*"'],
    ['user.[ab]', '"[ab]"'],
    ['user.?', '"?"'],
    ['user.:id', '":id"'],
    [':id.inbox', '":id"'],
    ['Orders::Paid', '":Paid"'],
    [String.raw`Orders:\:Paid`, String.raw`"\:" is literal text in it, backslash included`],
    [String.raw`a\*b`, '"*"'],
    ['user.{id}', '"{id}"'],
    ['user.${id}', '"${id}"'],
    ['user.<id>', '"<id>"'],
    ['user.#', '"#"'],
    ['user.+', '"+"'],
    ['user.>', '">"'],
    ['user.{id:int}', '"{id:int}"'],
    ['user.{ id }', '"{ id }"'],
    ['user.{...rest}', '"{...rest}"'],
  ])('for %j is about %j', (channel, advice) => {
    expect(adviceForLiteral(channel, false)).toContain(advice);
  });

  it.each([
    'user.created',
    'user:42:inbox',
    'host.fe80::1',
    'what?',
    'search.a?b',
    'a]b[',
    'a{b',
    'c++',
    'a#b',
    '{"cmd":"user.*"}',
    'order.{42}',
    'order.{3f2e-42}',
    'user.$id',
    'user.@bob',
    'user.%',
    'user-:id',
    'user.a,user.b',
    'user.a|user.b',
    '__keyspace@0__:user',
  ])('has nothing to say about %j', (channel) => {
    expect(adviceForLiteral(channel, false)).toBeUndefined();
  });

  it('takes braces in the name of a shard channel for a hash tag', () => {
    expect(adviceForLiteral('order.{user}.paid', true)).toBeUndefined();
  });

  it('has nothing to say about what encodeSegment returns', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (id) => {
        expect(adviceForLiteral(`user.${encodeSegment(id)}.inbox`, false)).toBeUndefined();
      }),
    );
  });

  it.each(['[', '{', '<', '(', ' ', '\\', '*', ':a', '::'])(
    'does not search long names: %j',
    (unit) => {
      const name = unit.repeat(131_072 / unit.length);
      expect(adviceForLiteral(name, false)).toBeUndefined();
      expect(adviceForPattern(name, false)).toBeUndefined();
    },
  );
});
