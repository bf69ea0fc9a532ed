import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import {
  beginLoading,
  emptyInbox,
  finishLoading,
  receiveNotification,
  receiveRead,
} from '../../../sample/notifications/gateway/page/inbox.js';
import { notification } from './notification.js';

type Inbox = typeof emptyInbox;
type Notification = ReturnType<typeof notification>;
type Change = (inbox: Inbox) => Inbox;

/** What happened at the gateway, and how the stream tells of it. */
interface Happening {
  readonly stored: readonly Notification[];
  readonly heard: Change;
}

/** Each step is a new notification, or the number of one that is read. */
const steps = fc.array(fc.option(fc.nat({ max: 9 }), { freq: 3 }), { maxLength: 20 });

function happenings(steps: readonly (number | null)[]): Happening[] {
  let stored: readonly Notification[] = [];
  return steps.map((step, i) => {
    const added = notification(`${i}`);
    const read = stored[step ?? -1];
    stored = read
      ? stored.map((it) => (it === read ? { ...it, read: true } : it))
      : [added, ...stored];
    const heard: Change = read
      ? (inbox) => receiveRead(inbox, [read.id])
      : (inbox) => receiveNotification(inbox, added);
    return { stored, heard };
  });
}

const hearTwice = (inbox: Inbox, { heard }: Happening): Inbox => heard(heard(inbox));

describe('the inbox of the page, merged with its stream', () => {
  it('is what the gateway has, whenever the answer was made and whatever is heard twice', () => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.nat(), (steps, begin, made) => {
        const history = happenings(steps);
        const first = begin % (history.length + 1);
        const answer = first + (made % (history.length - first + 1));
        const loading = history.slice(first).reduce(hearTwice, beginLoading(emptyInbox));
        const inbox = finishLoading(loading, history[answer - 1]?.stored ?? []);

        expect(inbox.notifications).toEqual(history.at(-1)?.stored ?? []);
      }),
    );
  });
});
