import { Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObserveOptions, PubSubMessage } from '../../../src/index.js';
import { ChannelWatches } from '../../../src/inspector/channel-watches.js';
import type { WatchTarget } from '../../../src/inspector/channel-watch.js';

const IDLE_MS = 5_000;

/** A service of which a test is the Redis. */
class Channels {
  readonly messages = new Map<string, Subject<PubSubMessage>>();
  readonly options = new Map<string, ObserveOptions>();

  target(channel: string, sharded = false): WatchTarget {
    const observe = (name: string, options: ObserveOptions = {}) => {
      if (name === '') throw new Error('Expected a channel name');
      const subject = new Subject<PubSubMessage>();
      this.messages.set(name, subject);
      this.options.set(name, options);
      return subject;
    };
    return { service: { observe } as never, channel, sharded };
  }

  send(channel: string, data: unknown): void {
    this.messages.get(channel)?.next({ data, channel, pattern: channel, params: {}, headers: {} });
  }

  isObserved(channel: string): boolean {
    return this.messages.get(channel)?.observed ?? false;
  }
}

describe('ChannelWatches', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('observe a channel while it is asked for, and not longer', () => {
    const channels = new Channels();
    const watches = new ChannelWatches(IDLE_MS);
    const read = () => watches.read('a', channels.target('news'));
    expect(read()).toMatchObject({ status: 'subscribing', received: 0, entries: [] });
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(IDLE_MS - 1);
      expect(channels.isObserved('news')).toBe(true);
      channels.send('news', i);
      expect(read().received).toBe(i + 1);
    }
    vi.advanceTimersByTime(IDLE_MS);
    expect(channels.isObserved('news')).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    expect(read()).toMatchObject({ status: 'subscribing', received: 0 });
    expect(channels.isObserved('news')).toBe(true);
  });

  it('tell the subscription, gaps, losses and the end', () => {
    const channels = new Channels();
    const watches = new ChannelWatches(IDLE_MS);
    const read = () => watches.read('a', channels.target('news'));
    read();
    const { onSubscribed, onLost } = channels.options.get('news') ?? {};
    onSubscribed?.();
    expect(read().status).toBe('subscribed');
    const gap = { from: new Date(1000), to: new Date(2000) };
    onSubscribed?.(gap);
    onLost?.({ channel: 'news', publisher: 'p', count: 3, duringGap: true });
    expect(read().entries).toMatchObject([
      { kind: 'lost', count: 3 },
      { kind: 'gap', from: 1000 },
    ]);
    channels.messages.get('news')?.error(new Error('Redis refused'));
    expect(read()).toMatchObject({ status: 'failed', error: 'Redis refused' });
    watches.read('a', channels.target('other'));
    channels.messages.get('other')?.complete();
    expect(watches.read('a', channels.target('other')).status).toBe('closed');
  });

  it('tell what "observe" throws', () => {
    const watches = new ChannelWatches(IDLE_MS);
    const failed = { status: 'failed', error: 'Expected a channel name' };
    expect(watches.read('a', new Channels().target(''))).toMatchObject(failed);
  });

  it('tell channels of modules and shard channels apart', () => {
    const channels = new Channels();
    const watches = new ChannelWatches(IDLE_MS);
    watches.read('a', channels.target('news', true));
    expect(channels.options.get('news')?.sharded).toBe(true);
    watches.read('a', channels.target('news'));
    expect(channels.options.get('news')?.sharded).toBe(false);
    channels.send('news', 1);
    expect(watches.read('a', channels.target('news')).received).toBe(1);
    expect(watches.read('a', channels.target('news', true)).received).toBe(0);
    expect(watches.read('b', channels.target('news')).received).toBe(0);
  });

  it('are at most 20, and there is room again when one is idle', () => {
    const channels = new Channels();
    const watches = new ChannelWatches(IDLE_MS);
    const read = (i: number) => watches.read('a', channels.target(`many.${i}`));
    for (let i = 0; i < 20; i++) read(i);
    expect(read(20)).toMatchObject({ status: 'failed', entries: [] });
    expect(channels.messages.has('many.20')).toBe(false);
    vi.advanceTimersByTime(IDLE_MS);
    expect(read(20).status).toBe('subscribing');
  });

  it('make the text of a message once, however often it is shown', () => {
    const channels = new Channels();
    const watches = new ChannelWatches(IDLE_MS);
    const read = () => watches.read('a', channels.target('news'));
    read();
    let made = 0;
    const data = {
      toJSON() {
        made += 1;
        return 'text';
      },
    };
    for (let i = 0; i < 3; i++) channels.send('news', data);
    expect(made).toBe(0);
    for (let i = 0; i < 5; i++) expect(read().entries).toHaveLength(3);
    expect(made).toBe(3);
    channels.send('news', data);
    expect(read().entries[0]).toMatchObject({ kind: 'message', text: '"text"', key: 4 });
    expect(made).toBe(4);
  });

  it('give way when they have failed, also while they are asked for', () => {
    const channels = new Channels();
    const watches = new ChannelWatches(IDLE_MS);
    const read = (i: number) => watches.read('a', channels.target(`many.${i}`));
    for (let i = 0; i < 20; i++) read(i);
    for (const i of [3, 4]) channels.messages.get(`many.${i}`)?.error(new Error('Redis refused'));
    expect(read(3).status).toBe('failed');
    expect(read(20).status).toBe('subscribing');
    expect(read(21).status).toBe('subscribing');
    expect(read(22)).toMatchObject({ status: 'failed', entries: [] });
    expect(read(5).status).toBe('subscribing');
  });

  it('end at once when they are closed', () => {
    const channels = new Channels();
    const watches = new ChannelWatches(IDLE_MS);
    for (const name of ['a', 'b']) watches.read('a', channels.target(name));
    watches.close();
    expect(['a', 'b'].map((name) => channels.isObserved(name))).toEqual([false, false]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
