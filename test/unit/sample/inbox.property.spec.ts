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

/** The notifications after an event at the gateway, and how its stream message changes the page. */
interface GatewayEvent {
  readonly stored: readonly Notification[];
  readonly change: Change;
}

/** Each step is a new notification, or the number of one that is read. */
const steps = fc.array(fc.option(fc.nat({ max: 9 }), { freq: 3 }), { maxLength: 20 });

function eventsOf(steps: readonly (number | null)[]): GatewayEvent[] {
  let stored: readonly Notification[] = [];
  return steps.map((step, i) => {
    const added = notification(`${i}`);
    const read = stored[step ?? -1];
    stored = read
      ? stored.map((it) => (it === read ? { ...it, read: true } : it))
      : [added, ...stored];
    const change: Change = read
      ? (inbox) => receiveRead(inbox, [read.id])
      : (inbox) => receiveNotification(inbox, added);
    return { stored, change };
  });
}

const applyTwice = (inbox: Inbox, { change }: GatewayEvent): Inbox => change(change(inbox));

describe('the inbox of the page, merged with its stream', () => {
  it('has the notifications of the gateway, although it receives each event twice', () => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.nat(), (steps, begin, made) => {
        const history = eventsOf(steps);
        const first = begin % (history.length + 1);
        const answer = first + (made % (history.length - first + 1));
        const loading = history.slice(first).reduce(applyTwice, beginLoading(emptyInbox));
        const inbox = finishLoading(loading, history[answer - 1]?.stored ?? []);

        expect(inbox.notifications).toEqual(history.at(-1)?.stored ?? []);
      }),
    );
  });
});
