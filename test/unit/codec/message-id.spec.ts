import { describe, expect, it } from 'vitest';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import { visibleId } from '../../../src/codec/message-id.js';
import { RedisPubSubContext } from '../../../src/transport/redis-pubsub.context.js';

const BAD = [
  ['empty', ''],
  ['two lines', 'a\ndata: b-1'],
  ['with a space', 'a b-1'],
  ['with a letter beyond ASCII', 'é-1'],
  ['with a control character', 'a\u007f-1'],
] as const;

const contextOf = (messageId?: string): RedisPubSubContext =>
  new RedisPubSubContext('x', { messageId }, ChannelPattern.literal('x'), {});

describe('visibleId', () => {
  it('is the text itself', () => {
    expect(visibleId('b3nchM4r.1-42')).toBe('b3nchM4r.1-42');
    expect(visibleId(undefined)).toBeUndefined();
  });

  it.each(BAD)('is undefined for a text that is %s', (_, text) => {
    expect(visibleId(text)).toBeUndefined();
  });
});

describe('RedisPubSubContext', () => {
  it('has the id of its message', () => {
    expect(contextOf('p.1-3').getMessageId()).toBe('p.1-3');
    expect(contextOf().getMessageId()).toBeUndefined();
  });

  it.each(BAD)('has no id where that is %s', (_, text) => {
    expect(contextOf(text).getMessageId()).toBeUndefined();
  });
});
