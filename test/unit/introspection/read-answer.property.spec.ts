import * as fc from 'fast-check';
import type { InstanceInfo, InstanceStats } from 'nestjs-redis-pubsub';
import { describe, expect, it } from 'vitest';
import { findDrift } from '../../../src/introspection/drift.js';
import { listPatterns } from '../../../src/introspection/patterns.js';
import { parseRecord, readQuestion } from '../../../src/introspection/question.js';
import {
  readInfo,
  readPing,
  readStats,
  readUnheard,
} from '../../../src/introspection/read-answer.js';
import { mergeUnheard, withoutHeard } from '../../../src/introspection/unheard.js';
import { ReservedChannels } from '../../../src/transport/reserved-channels.js';

const reserved = new ReservedChannels('_pubsub');

/** Keys that a reader looks for, and others. */
const key = fc.oneof(
  fc.constantFrom(
    'id',
    'name',
    'version',
    'handlers',
    'access',
    'globs',
    'channels',
    'options',
    'pattern',
    'status',
    'startedAt',
    'kind',
    'verb',
    'replyTo',
    'replyKind',
    '__proto__',
  ),
  fc.string(),
);

const { tree: anything } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('ping', 'channel', '_pubsub.inbox.a', 'a*[b', '2026-01-01T00:00:00Z'),
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('tree')),
    fc.dictionary(key, tie('tree')),
  ),
}));

/** An answer that is read, whatever else is in it. */
const answer = fc
  .tuple(anything, fc.string(), fc.string(), fc.string())
  .map(([value, id, name, version]) => ({ ...(Object(value) as object), id, name, version }));

const datesOf = (info?: InstanceInfo, stats?: InstanceStats): Date[] =>
  [info?.startedAt, stats?.startedAt, stats?.since].filter((it) => it !== undefined);

const handlersOf = <Handler>(
  it: { readonly handlers: readonly Handler[] } | undefined,
): readonly Handler[] => it?.handlers ?? [];

describe('what strangers send', () => {
  it('is a question only with a known verb and a reply inbox', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          anything.map((it) => JSON.stringify(it)),
        ),
        (text) => {
          const question = readQuestion(text, reserved);
          expect(!question || reserved.isInbox(question.replyTo)).toBe(true);
          expect(() => parseRecord(text)).not.toThrow();
        },
      ),
    );
  });

  it('is read as an answer with the types that it promises', () => {
    fc.assert(
      fc.property(answer, (value) => {
        const [ping, info, stats] = [readPing(value), readInfo(value), readStats(value)];
        expect(ping).toEqual({ id: value.id, name: value.name, version: value.version });
        expect(datesOf(info, stats).filter((it) => Number.isNaN(it.getTime()))).toEqual([]);
        const names = handlersOf(info).flatMap(({ pattern, name }) => [pattern, name]);
        expect(names.filter((it) => typeof it !== 'string')).toEqual([]);
        const counts = handlersOf(stats).flatMap(({ received, gaps }) => [received, gaps]);
        expect(counts.filter((it) => !Number.isFinite(it))).toEqual([]);
      }),
    );
  });

  it('stops no inspection', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(answer, anything), { maxLength: 4 }), (values) => {
        const infos = values.flatMap((value) => readInfo(value) ?? []);
        const unheard = mergeUnheard(values.flatMap((value) => readUnheard(value) ?? []));
        expect(() => {
          findDrift(infos);
          listPatterns(infos);
          withoutHeard(unheard, new Map(), infos);
          JSON.stringify([infos, unheard]);
        }).not.toThrow();
      }),
    );
  });

  it('is read in part where it has more handlers than an instance tells', () => {
    const handlers = Array(100_000).fill(0);
    const value = { id: 'a', name: 'b', version: 'c', handlers };
    expect(readInfo(value)?.handlers).toHaveLength(2_000);
    expect(readStats(value)?.handlers).toHaveLength(2_000);
  });
});
