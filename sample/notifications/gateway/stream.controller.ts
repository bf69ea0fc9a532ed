import { Controller, Param, Sse, UseGuards, type MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { UserParams } from '../contract/user-params.js';
import { CurrentSession } from '../session/current-session.decorator.js';
import { OwnUserGuard } from '../session/own-user.guard.js';
import { SessionGuard } from '../session/session.guard.js';
import type { Session } from '../session/session.js';
import { LiveEvents } from './live-events.js';

/** How much may wait for a client that does not read, in characters. It will load its inbox anyway. */
const MAX_WAITING = 64 * 1024;

/** What happens to a user, as server-sent events, while the connection is open. */
@Controller('users/:userId/stream')
@UseGuards(SessionGuard, OwnUserGuard)
export class StreamController {
  constructor(private readonly live: LiveEvents) {}

  @Sse('', { maxPendingDataLength: MAX_WAITING })
  stream(
    @Param() { userId }: UserParams,
    @CurrentSession() { expiresAt }: Session,
  ): Observable<MessageEvent> {
    return this.live.of(userId, expiresAt);
  }
}
