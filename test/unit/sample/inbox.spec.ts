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
  it('has the loaded notifications', () => {
    const inbox = loaded(b, a);
    expect(ids(inbox)).toEqual(['b', 'a']);
    expect(inbox).toMatchObject({ isLoading: false, isLoaded: true });
  });

  it('puts a received notification first', () => {
    expect(ids(receiveNotification(loaded(a), b))).toEqual(['b', 'a']);
  });

  it('changes nothing for a notification that it has', () => {
    const inbox = receiveRead(loaded(a), ['a']);
    expect(receiveNotification(inbox, a)).toEqual(inbox);
  });

  it('knows the notifications that it has', () => {
    expect([isKnown(loaded(a), 'a'), isKnown(loaded(a), 'b')]).toEqual([true, false]);
  });

  it('returns the ids of unread notifications', () => {
    expect(unreadIds(receiveRead(loaded(c, b, a), ['b']))).toEqual(['c', 'a']);
  });

  it('keeps as many notifications as the gateway', () => {
    const full = loaded(...Array.from({ length: INBOX_SIZE }, (_, i) => notification(`${i}`)));
    const inbox = receiveNotification(full, a);
    expect(inbox.notifications).toHaveLength(INBOX_SIZE);
    expect(ids(inbox).slice(0, 2)).toEqual(['a', '0']);
    expect(isKnown(inbox, `${INBOX_SIZE - 1}`)).toBe(false);
  });

  it('shows a notification that arrives during a load', () => {
    expect(ids(receiveNotification(beginLoading(loaded(a)), b))).toEqual(['b', 'a']);
  });

  it('keeps notifications that arrive during a load, when the answer is older', () => {
    const loading = [b, c].reduce(receiveNotification, beginLoading(emptyInbox));
    expect(ids(finishLoading(loading, [a]))).toEqual(['c', 'b', 'a']);
  });

  it('has a notification once that arrives during a load and is in the answer', () => {
    const loading = receiveNotification(beginLoading(emptyInbox), b);
    expect(ids(finishLoading(loading, [b, a]))).toEqual(['b', 'a']);
  });

  it('keeps a notification read that was marked during a load, when the answer is older', () => {
    const loading = receiveRead(beginLoading(loaded(a)), ['a']);
    expect(unreadIds(finishLoading(loading, [b, a]))).toEqual(['b']);
  });

  it('marks a notification as read when its read event arrives first', () => {
    expect(unreadIds(receiveNotification(receiveRead(loaded(a), ['b']), b))).toEqual(['a']);
  });

  it('removes notifications that the gateway no longer has', () => {
    expect(ids(finishLoading(beginLoading(loaded(b, a)), [b]))).toEqual(['b']);
  });

  it('removes a notification that arrived before the load and is not in the answer', () => {
    expect(ids(finishLoading(beginLoading(receiveNotification(loaded(), a)), []))).toEqual([]);
  });

  it('removes the read ids of notifications that are gone', () => {
    const read = receiveRead(loaded(b, a), ['a', 'b', 'gone']);
    const inbox = finishLoading(receiveNotification(beginLoading(read), c), [b]);
    expect([...inbox.readIds]).toEqual(['b']);
    expect([...receiveRead(inbox, ['c']).readIds].toSorted()).toEqual(['b', 'c']);
    expect(unreadIds(inbox)).toEqual(['c']);
  });

  it('keeps its notifications when a load fails, and removes the failure at the next load', () => {
    const failed = failLoading(receiveNotification(beginLoading(loaded(a)), b), 'Redis is away.');
    expect(ids(failed)).toEqual(['b', 'a']);
    expect(failed).toMatchObject({ isLoading: false, failure: 'Redis is away.' });
    expect(beginLoading(failed).failure).toBeUndefined();
  });
});
