import { Injectable } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ANNOUNCEMENT } from '../contract/channels.js';
import { Announcement } from '../contract/events.js';
import { Notifier } from './notifier.js';

/** Sends announcements to all users that are online. */
@Injectable()
export class AnnouncementsHandler {
  constructor(private readonly notifier: Notifier) {}

  @EventPattern(ANNOUNCEMENT)
  async announce(@Payload() announcement: Announcement): Promise<void> {
    const { id, actorId, type = 'info', title, message } = announcement;
    await this.notifier.notifyEverybody({ id, actorId }, { type, title, message });
  }
}
