import { Controller, Param, Sse, UseGuards, type MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { UserParams } from '../contract/user-params.js';
import { OwnUserGuard } from '../session/own-user.guard.js';
import { SessionGuard } from '../session/session.guard.js';
import { LiveEvents } from './live-events.js';

/** What happens to a user, as server-sent events, while the connection is open. */
@Controller('users/:userId/stream')
@UseGuards(SessionGuard, OwnUserGuard)
export class StreamController {
  constructor(private readonly live: LiveEvents) {}

  @Sse()
  stream(@Param() { userId }: UserParams): Observable<MessageEvent> {
    return this.live.of(userId);
  }
}
