import { describe, expect, it } from 'vitest';
import { planAcl, redisLine, setUser, shellLine } from '../../../src/acl/acl-plan.js';
import { LATER_USES } from '../../../src/acl/needs.js';
import { versionIn } from '../../../src/acl/right.js';
import { ACCESS, event, instance, key, LISTENER, request } from '../../support/acl-instance.js';

const V6 = { major: 6, minor: 2 };
const V7 = { major: 7, minor: 0 };
const V8 = { major: 8, minor: 0 };

const rulesOf = (...args: Parameters<typeof planAcl>): string[] =>
  planAcl(...args).rights.map(({ rule }) => rule);

const config = (rules: string[]): string[] => rules.filter((rule) => rule.startsWith('+config'));

describe('the rights of a service', () => {
  it('that only listens to a literal channel, without a probe', () => {
    expect(rulesOf([instance([event('paid')], LISTENER)], { version: V7, channels: [] })).toEqual([
      '&shop:paid',
      '+info',
      '+ping',
      '+subscribe',
      '+unsubscribe',
    ]);
  });

  it('with events, requests and patterns', () => {
    const handlers = [event('user.*'), event('order.paid'), request('user.get')];
    const access = { ...ACCESS, requests: true, replies: true };
    expect(rulesOf([instance(handlers, access)], { version: V7 })).toEqual([
      '&shop:*',
      '&shop:user.*',
      '&_pubsub.inbox.*',
      '&_pubsub.cancel',
      '&_pubsub.probe.*',
      '&_pubsub.inspect',
      '+info',
      '+ping',
      '+publish',
      '+subscribe',
      '+unsubscribe',
      '+psubscribe',
      '+punsubscribe',
    ]);
  });

  it('has no right of sharded Pub/Sub before Redis 7, which would refuse the line', () => {
    const sharded = [instance([event('a', 'shard')], { ...ACCESS, sharded: true })];
    expect(rulesOf(sharded, { version: V7 })).toContain('+ssubscribe');
    expect(rulesOf(sharded, { version: V6 })).not.toContain('+ssubscribe');
  });

  it('has HELLO before Redis 7, and CLIENT SETINFO from 7.2 on', () => {
    const service = [instance([], ACCESS)];
    expect(rulesOf(service, { version: V6 })).toContain('+hello');
    expect(rulesOf(service, { version: V7 })).not.toContain('+hello');
    expect(rulesOf(service, { version: V7 })).not.toContain('+client|setinfo');
    expect(rulesOf(service, { version: V8 })).toContain('+client|setinfo');
  });

  it('joins what the instances need, each rule once', () => {
    const one = instance([event('a.*')], { ...ACCESS, batchPublishes: true });
    const other = instance([event('a.*')], { ...ACCESS, topology: 'cluster' });
    const rules = rulesOf([one, other], { version: V7 });
    expect(rules).toEqual([...new Set(rules)]);
    expect(rules).toEqual(expect.arrayContaining(['+eval', '+cluster|nodes']));
  });

  it('has no rights without an instance but those of a connection', () => {
    expect(rulesOf([], { version: V7 })).toEqual(['+info', '+ping']);
  });

  it('has the setting of notifications only with a handler of keys', () => {
    const set = { ...ACCESS, notify: 'set' } as const;
    expect(config(rulesOf([instance([event('a')], set)], { version: V7 }))).toEqual([]);
    const keys = [key('__keyevent@0__:expired')];
    expect(config(rulesOf([instance(keys, set)], { version: V7 }))).toEqual([
      '+config|get',
      '+config|set',
    ]);
    const check = { ...set, notify: 'check' } as const;
    expect(config(rulesOf([instance(keys, check)], { version: V7 }))).toEqual(['+config|get']);
    expect(rulesOf([instance(keys, set)], { version: V7 })).toContain('&__keyevent@0__:expired');
  });

  it('has what the application may do later', () => {
    const [rules, with2] = [new Set<never>(), new Set(LATER_USES)].map((later) =>
      rulesOf([instance([event('a')], LISTENER)], { version: V7, later }),
    );
    expect(with2?.filter((rule) => !rules?.includes(rule))).toEqual([
      '&_pubsub.inbox.*',
      '&_pubsub.cancel',
      '+spublish',
      '+ssubscribe',
      '+sunsubscribe',
      '+eval',
      '+pubsub|channels',
      '+pubsub|numsub',
      '+pubsub|numpat',
      '+pubsub|shardchannels',
      '+pubsub|shardnumsub',
      '~_pubsub.history*',
      '+rpush',
      '+pexpire',
      '+ltrim',
      '+rpop',
      '+lrange',
    ]);
  });

  it.each([
    [{ keepsHistory: true }, '+eval ~ +rpush +pexpire +ltrim +rpop'],
    [{ readsHistory: true }, '~ +lrange'],
    [{ keepsHistory: true, readsHistory: true }, '+eval ~ +rpush +pexpire +ltrim +rpop +lrange'],
  ])('of histories: %o', (access, expected) => {
    const [without, rules] = [{}, access].map((more) =>
      rulesOf([instance([event('a')], { ...LISTENER, ...more })], { version: V7 }),
    );
    const added = (rules ?? []).filter((rule) => !without?.includes(rule));
    expect(added.join(' ').replace('~_pubsub.history*', '~')).toBe(expected);
  });

  it('has the named channels in the place of all below the prefix', () => {
    const channels = ['order.:id', 'order.7', 'log'];
    const rules = rulesOf([instance([event('paid')], LISTENER)], { version: V7, channels });
    expect(rules.filter((rule) => rule.startsWith('&'))).toEqual([
      '&shop:order.*',
      '&shop:log',
      '&shop:paid',
    ]);
  });

  it('is all channels without a prefix, and then needs no other', () => {
    const handlers = [event('user.*', 'pattern', '')];
    const rules = rulesOf([instance(handlers, ACCESS, '')], { version: V7 });
    expect(rules.filter((rule) => rule.startsWith('&'))).toEqual(['&*']);
  });

  it('names globs with white space, which no rule can allow', () => {
    const name = '__subkeyspaceitem@0__:user:*\nstatus';
    const literal = '__subkeyspaceitem@0__:user:1\nstatus';
    const handlers = [
      { ...key(name), subscription: 'pattern' as const },
      key(literal),
      event('a*b c'),
    ];
    const plan = planAcl([instance(handlers, LISTENER)], { version: V7, channels: [] });
    expect(plan.impossible).toEqual([name, 'shop:a*b c']);
    expect(plan.rights[0]?.rule).toBe('&__subkeyspaceitem@0__:user:1?status');
  });
});

describe('an ACL line', () => {
  const rights = planAcl([instance([event("it's")], LISTENER)], {
    version: V7,
    channels: [],
  }).rights;

  it('keeps the passwords, and replaces all other rights', () => {
    const args = setUser('shop', rights);
    expect(args.slice(0, 6).join(' ')).toBe('SETUSER shop on resetkeys resetchannels -@all');
    expect(redisLine(args)).toContain(`"&shop:it's" +info`);
    expect(shellLine(args)).toContain(String.raw`'&shop:it'\''s' +info`);
  });

  it('has no control characters', () => {
    const line = redisLine(['SETUSER', 'a\x1b[2J\u2028"\\']);
    expect(line).toBe(String.raw`ACL SETUSER "a\x1b[2J\xe2\x80\xa8\"\\"`);
  });
});

describe('the version of a server', () => {
  it('is that of Redis, also at Valkey', () => {
    expect(versionIn('redis_version:7.2.4\r\nvalkey_version:8.1.0')).toEqual({
      major: 7,
      minor: 2,
    });
    expect(versionIn('')).toBeUndefined();
  });
});
