import { Controller, Param, Sse, UseGuards, type MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { UserParams } from '../contract/user-params.js';
import { CurrentSession } from '../session/current-session.decorator.js';
import { OwnUserGuard } from '../session/own-user.guard.js';
import { SessionGuard } from '../session/session.guard.js';
import type { Session } from '../session/session.js';
import { LiveEvents } from './live-events.js';
import { OpenStreams } from './open-streams.js';
import { SameOriginGuard } from './same-origin.js';

/** Limit of the data that waits for a slow client, in characters. The page loads its inbox after it reconnects. */
const MAX_PENDING_CHARACTERS = 64 * 1024;

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
    @CurrentSession() { expiresAt }: Session,
  ): Observable<MessageEvent> {
    this.streams.check(userId);
    return this.streams.count(userId, this.live.of(userId, expiresAt));
  }
}
