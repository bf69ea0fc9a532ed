import { Body, Controller, HttpCode, HttpStatus, Param, Post } from '@nestjs/common';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { map, type Observable } from 'rxjs';
import type { UserEvent } from '../contract/events.js';
import type { Accepted } from './accepted.js';
import { FollowRequest, MentionRequest, RegisterRequest, UserParams } from './requests.js';

/** Takes what users do, and says so to whoever wants to know. */
@Controller('users')
export class UsersController {
  constructor(private readonly events: RedisPubSubClient) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  register(@Body() { id }: RegisterRequest): Observable<Accepted> {
    return this.#emit('user.registered', { userId: id });
  }

  @Post(':id/follow')
  @HttpCode(HttpStatus.ACCEPTED)
  follow(@Param() { id }: UserParams, @Body() { followerId }: FollowRequest): Observable<Accepted> {
    return this.#emit('user.followed', { userId: id, actorId: followerId });
  }

  @Post(':id/mention')
  @HttpCode(HttpStatus.ACCEPTED)
  mention(
    @Param() { id }: UserParams,
    @Body() { authorId, text }: MentionRequest,
  ): Observable<Accepted> {
    return this.#emit('user.mentioned', { userId: id, actorId: authorId, text });
  }

  #emit(channel: string, event: UserEvent): Observable<Accepted> {
    return this.events.emit(channel, event).pipe(map((receivers) => ({ receivers })));
  }
}
