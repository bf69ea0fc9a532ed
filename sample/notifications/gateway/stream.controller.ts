import {
  Controller,
  Headers,
  Param,
  Query,
  Sse,
  UseGuards,
  type MessageEvent,
} from '@nestjs/common';
import { IsString, MaxLength } from 'class-validator';
import type { Observable } from 'rxjs';
import { IfGiven } from '../contract/if-given.js';
import { UserParams } from '../contract/user-params.js';
import { CurrentSession } from '../session/current-session.decorator.js';
import { OwnUserGuard } from '../session/own-user.guard.js';
import { SessionGuard } from '../session/session.guard.js';
import type { Session } from '../session/session.js';
import { LiveEvents } from './live-events.js';
import { OpenStreams } from './open-streams.js';
import { SameOriginGuard } from './same-origin.js';
import { withSpread } from './spread.js';

/** Limit of the data that waits for a slow client, in characters. The page recovers the rest when it reconnects. */
const MAX_PENDING_CHARACTERS = 64 * 1024;

/** A browser sends no header for a new EventSource: the page that opens one has the id in the query. */
class StreamQuery {
  @IfGiven()
  @IsString()
  @MaxLength(200)
  lastEventId?: string;
}

/** The live events of a user as server-sent events. */
@Controller('users/:userId/stream')
@UseGuards(SameOriginGuard, SessionGuard, OwnUserGuard)
export class StreamController {
  constructor(
    private readonly live: LiveEvents,
    private readonly streams: OpenStreams,
  ) {}

  @Sse('', { maxPendingDataLength: MAX_PENDING_CHARACTERS })
  stream(
    @Param() { userId }: UserParams,
    @Query() query: StreamQuery,
    @CurrentSession() { expiresAt }: Session,
    // Newer than the query, which stays the same when the browser reconnects by itself.
    @Headers('last-event-id') lastEventId = query.lastEventId,
  ): Observable<MessageEvent> {
    this.streams.check(userId);
    const events = this.live.of({ userId, expiresAt, lastEventId });
    return this.streams.count(userId, events.pipe(withSpread(() => this.streams.spreadMs)));
  }
}
