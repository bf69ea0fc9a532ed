import { Injectable } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ANNOUNCEMENT, NOTICE } from '../contract/channels.js';
import { Announcement, Notice } from '../contract/events.js';
import { Notifier } from './notifier.js';

/** Sends what an administrator wrote: announcements to all users that are online, and notices to one user. */
@Injectable()
export class AnnouncementsHandler {
  constructor(private readonly notifier: Notifier) {}

  @EventPattern(ANNOUNCEMENT)
  async announce(@Payload() announcement: Announcement): Promise<void> {
    const { id, actorId, type = 'info', title, message, data } = announcement;
    const occasion = { id, data: { ...data, actorId } };
    await this.notifier.notifyEverybody(occasion, { type, title, message });
  }

  @EventPattern(NOTICE)
  async notify(@Payload() notice: Notice): Promise<void> {
    const { id, userId, actorId, type = 'info', title, message, data } = notice;
    const occasion = { id, data: { ...data, actorId } };
    await this.notifier.notifyUser(userId, occasion, { type, title, message });
  }
}
