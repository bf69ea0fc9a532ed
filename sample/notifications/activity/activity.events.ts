import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import type { PostEvent, UserEvent } from '../contract/events.js';
import type { Post } from './posts.js';

/**
 * Emits an event for each activity, after the activity has been stored. Delivery is best effort: the
 * request does not wait for it, and the library logs a failed emit.
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

  /** Notifies no user. The pages show the number of likes. */
  unliked(post: Post, actorId: string): void {
    this.client.emit('post.unliked', onPost(post, actorId));
  }

  commented(post: Post, actorId: string, text: string): void {
    this.client.emit('post.commented', onPost(post, actorId, text));
  }
}

function onPost({ id: postId, authorId }: Post, actorId: string, text?: string): PostEvent {
  return { id: randomUUID(), userId: authorId, actorId, postId, text };
}
