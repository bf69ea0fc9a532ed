import { Injectable, type MessageEvent } from '@nestjs/common';
import { bufferTime, filter, map, share, type Observable } from 'rxjs';
import { isChannelOfOtherUser, PREFIX, PRESENCE } from '../contract/channels.js';
import { messageTrace } from '../process/message-trace.js';

/** Interval at which the pages receive the messages that have passed, in milliseconds. */
const INTERVAL_MS = 100;
/** The number of messages of one interval that the pages receive: the latest, as many as a page shows. */
const MAX_MESSAGES = 40;

/** The messages that pass through Redis, for the panel of the page that shows its channels. */
@Injectable()
export class Traffic {
  readonly #messages = messageTrace.pipe(
    filter(({ kind }) => kind === 'sent' || kind === 'received'),
    // Every page that is opened or closed would show a message.
    filter(({ channel }) => channel !== PREFIX + PRESENCE),
    bufferTime(INTERVAL_MS),
    filter((messages) => messages.length > 0),
    map((messages) => messages.slice(-MAX_MESSAGES)),
    share(),
  );

  /** Leaves out the channels of other users. */
  of(userId: string): Observable<MessageEvent> {
    return this.#messages.pipe(
      map((all) => all.filter(({ channel }) => !isChannelOfOtherUser(channel, userId))),
      filter((messages) => messages.length > 0),
      map((messages): MessageEvent => ({ type: 'traffic', data: { messages } })),
    );
  }
}
