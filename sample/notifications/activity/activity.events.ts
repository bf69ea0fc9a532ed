import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import type { PostEvent, UserEvent } from '../contract/events.js';
import type { Post } from './posts.js';

/**
 * Says what happened to whoever wants to know. What happened is stored by then; that it is heard of
 * is best effort, so nobody waits for it, and the library logs what could not be said.
 */
@Injectable()
export class ActivityEvents {
  constructor(private readonly client: RedisPubSubClient) {}

  followed(userId: string, actorId: string): void {
    const event: UserEvent = { id: randomUUID(), userId, actorId };
    this.client.emit('user.followed', event);
  }

  liked(post: Post, actorId: string): void {
    this.client.emit('post.liked', onPost(post, actorId));
  }

  commented(post: Post, actorId: string, text: string): void {
    this.client.emit('post.commented', onPost(post, actorId, text));
  }
}

function onPost({ id: postId, authorId }: Post, actorId: string, text?: string): PostEvent {
  return { id: randomUUID(), userId: authorId, actorId, postId, text };
}
