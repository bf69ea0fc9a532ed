import { describe, expect, it } from 'vitest';
import {
  beginLoading,
  emptyInbox,
  failLoading,
  finishLoading,
  receiveNotification,
  receiveRead,
  INBOX_SIZE,
  isKnown,
  unreadIds,
} from '../../../sample/notifications/gateway/page/inbox.js';
import { notification } from './notification.js';

type Inbox = typeof emptyInbox;

const [a, b, c] = [notification('a'), notification('b'), notification('c')];

const loaded = (...notifications: (typeof a)[]): Inbox =>
  finishLoading(beginLoading(emptyInbox), notifications);

const ids = ({ notifications }: Inbox): string[] => notifications.map(({ id }) => id);

describe('the inbox of the page', () => {
  it('has what was loaded', () => {
    const inbox = loaded(b, a);
    expect(ids(inbox)).toEqual(['b', 'a']);
    expect(inbox).toMatchObject({ isLoading: false, isLoaded: true });
  });

  it('puts what it hears on top', () => {
    expect(ids(receiveNotification(loaded(a), b))).toEqual(['b', 'a']);
  });

  it('changes nothing for a notification that it knows', () => {
    const inbox = receiveRead(loaded(a), ['a']);
    expect(receiveNotification(inbox, a)).toEqual(inbox);
  });

  it('knows what it has', () => {
    expect([isKnown(loaded(a), 'a'), isKnown(loaded(a), 'b')]).toEqual([true, false]);
  });

  it('counts what is unread', () => {
    expect(unreadIds(receiveRead(loaded(c, b, a), ['b']))).toEqual(['c', 'a']);
  });

  it('keeps as many as the gateway', () => {
    const full = loaded(...Array.from({ length: INBOX_SIZE }, (_, i) => notification(`${i}`)));
    const inbox = receiveNotification(full, a);
    expect(inbox.notifications).toHaveLength(INBOX_SIZE);
    expect(ids(inbox).slice(0, 2)).toEqual(['a', '0']);
    expect(isKnown(inbox, `${INBOX_SIZE - 1}`)).toBe(false);
  });

  it('shows what it hears while it is loading', () => {
    expect(ids(receiveNotification(beginLoading(loaded(a)), b))).toEqual(['b', 'a']);
  });

  it('keeps what it heard while an older answer was on its way', () => {
    const loading = [b, c].reduce(receiveNotification, beginLoading(emptyInbox));
    expect(ids(finishLoading(loading, [a]))).toEqual(['c', 'b', 'a']);
  });

  it('does not double what the answer has already', () => {
    const loading = receiveNotification(beginLoading(emptyInbox), b);
    expect(ids(finishLoading(loading, [b, a]))).toEqual(['b', 'a']);
  });

  it('keeps read what was read while an older answer was on its way', () => {
    const loading = receiveRead(beginLoading(loaded(a)), ['a']);
    expect(unreadIds(finishLoading(loading, [b, a]))).toEqual(['b']);
  });

  it('has read what was heard to be read before it came', () => {
    expect(unreadIds(receiveNotification(receiveRead(loaded(a), ['b']), b))).toEqual(['a']);
  });

  it('lets go of what the gateway has no more', () => {
    expect(ids(finishLoading(beginLoading(loaded(b, a)), [b]))).toEqual(['b']);
  });

  it('forgets what it heard before it began to load', () => {
    expect(ids(finishLoading(beginLoading(receiveNotification(loaded(), a)), []))).toEqual([]);
  });

  it('forgets what was read of what is gone', () => {
    const read = receiveRead(loaded(b, a), ['a', 'b', 'gone']);
    const inbox = finishLoading(receiveNotification(beginLoading(read), c), [b]);
    expect([...inbox.readIds]).toEqual(['b']);
    expect([...receiveRead(inbox, ['c']).readIds].toSorted()).toEqual(['b', 'c']);
    expect(unreadIds(inbox)).toEqual(['c']);
  });

  it('keeps what it has when loading fails, until it succeeds', () => {
    const failed = failLoading(receiveNotification(beginLoading(loaded(a)), b), 'Redis is away.');
    expect(ids(failed)).toEqual(['b', 'a']);
    expect(failed).toMatchObject({ isLoading: false, failure: 'Redis is away.' });
    expect(beginLoading(failed).failure).toBeUndefined();
  });
});
