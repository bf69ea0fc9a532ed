import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { PREFIX } from '../contract/channels.js';
import { runTransaction } from '../storage/run-transaction.js';

export interface Comment {
  readonly authorId: string;
  readonly text: string;
  /** ISO 8601. */
  readonly timestamp: string;
}

/** The likes and comments of a post. */
export interface Reactions {
  readonly likes: number;
  readonly isLiked: boolean;
  /** Oldest first. */
  readonly comments: readonly Comment[];
}

/** The number of comments that a post keeps. */
const MAX_COMMENTS = 50;

/** Stores followers, likes and comments in Redis. */
@Injectable()
export class ActivityStore {
  constructor(private readonly redis: Redis) {}

  /** Resolves to `false` if the user already follows the other user. */
  async follow(followerId: string, userId: string): Promise<boolean> {
    return (await this.redis.sadd(following(followerId), userId)) === 1;
  }

  async unfollow(followerId: string, userId: string): Promise<void> {
    await this.redis.srem(following(followerId), userId);
  }

  following(followerId: string): Promise<string[]> {
    return this.redis.smembers(following(followerId));
  }

  /** Resolves to `false` if the user already likes the post. */
  async like(userId: string, postId: string): Promise<boolean> {
    return (await this.redis.sadd(likes(postId), userId)) === 1;
  }

  /** Resolves to `false` if the user did not like the post. */
  async unlike(userId: string, postId: string): Promise<boolean> {
    return (await this.redis.srem(likes(postId), userId)) === 1;
  }

  async comment(postId: string, comment: Comment): Promise<void> {
    const key = comments(postId);
    await runTransaction(this.redis, (transaction) =>
      transaction.rpush(key, JSON.stringify(comment)).ltrim(key, -MAX_COMMENTS, -1),
    );
  }

  /** The reactions to a post; `isLiked` is for `userId`. */
  async reactions(userId: string, postId: string): Promise<Reactions> {
    const [count, isLiked, stored] = await Promise.all([
      this.redis.scard(likes(postId)),
      this.redis.sismember(likes(postId), userId),
      this.redis.lrange(comments(postId), 0, -1),
    ]);
    return {
      likes: count,
      isLiked: isLiked === 1,
      comments: stored.map((json) => JSON.parse(json) as Comment),
    };
  }
}

const following = (userId: string): string => `${PREFIX}following:${userId}`;
const likes = (postId: string): string => `${PREFIX}likes:${postId}`;
const comments = (postId: string): string => `${PREFIX}comments:${postId}`;
