import { Injectable } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ANNOUNCEMENT } from '../contract/channels.js';
import { Announcement } from '../contract/events.js';
import { Notifier } from './notifier.js';

/** Tells everybody. */
@Injectable()
export class AnnouncementHandler {
  constructor(private readonly notifier: Notifier) {}

  @EventPattern(ANNOUNCEMENT)
  async announce(@Payload() announcement: Announcement): Promise<void> {
    const { title, message, type = 'info' } = announcement;
    await this.notifier.notifyEverybody({ type, title, message }, announcement);
  }
}
