import { Body, Controller, HttpCode, HttpStatus, Post } from '@nestjs/common';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { map, type Observable } from 'rxjs';
import { ANNOUNCEMENT } from '../contract/channels.js';
import { Announcement } from '../contract/events.js';
import type { Accepted } from './accepted.js';

@Controller('announcements')
export class AnnouncementsController {
  constructor(private readonly events: RedisPubSubClient) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  announce(@Body() announcement: Announcement): Observable<Accepted> {
    return this.events.emit(ANNOUNCEMENT, announcement).pipe(map((receivers) => ({ receivers })));
  }
}
