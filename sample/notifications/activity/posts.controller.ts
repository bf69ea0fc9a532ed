import {
  Body,
  Controller,
  Delete,
  Get,
  NotFoundException,
  Param,
  Post as HttpPost,
  Put,
  UseGuards,
} from '@nestjs/common';
import { ChangeLimitGuard } from '../http/change-limit.js';
import { CurrentUserId } from '../session/current-user-id.decorator.js';
import { SessionGuard } from '../session/session.guard.js';
import { ActivityEvents } from './activity.events.js';
import { ActivityStore, type Comment, type Reactions } from './activity.store.js';
import { POSTS, type Post } from './posts.js';
import { CommentRequest, PostParams } from './requests.js';

@Controller('posts')
@UseGuards(SessionGuard, ChangeLimitGuard)
export class PostsController {
  constructor(
    private readonly store: ActivityStore,
    private readonly events: ActivityEvents,
  ) {}

  @Get()
  posts(@CurrentUserId() me: string): Promise<(Post & Reactions)[]> {
    return Promise.all(
      POSTS.map(async (post) => ({ ...post, ...(await this.store.reactions(me, post.id)) })),
    );
  }

  @Put(':postId/like')
  async like(@CurrentUserId() me: string, @Param() { postId }: PostParams) {
    const isNew = await this.store.like(me, postId);
    if (isNew) this.events.liked(findPost(postId), me);
    return this.#likes(me, postId);
  }

  @Delete(':postId/like')
  async unlike(@CurrentUserId() me: string, @Param() { postId }: PostParams) {
    const wasLiked = await this.store.unlike(me, postId);
    if (wasLiked) this.events.unliked(findPost(postId), me);
    return this.#likes(me, postId);
  }

  @HttpPost(':postId/comments')
  async comment(
    @CurrentUserId() me: string,
    @Param() { postId }: PostParams,
    @Body() { text }: CommentRequest,
  ): Promise<Comment> {
    const comment = { authorId: me, text, timestamp: new Date().toISOString() };
    await this.store.comment(postId, comment);
    this.events.commented(findPost(postId), me, text);
    return comment;
  }

  async #likes(me: string, postId: string): Promise<Pick<Reactions, 'likes' | 'isLiked'>> {
    const { likes, isLiked } = await this.store.reactions(me, postId);
    return { likes, isLiked };
  }
}

function findPost(postId: string): Post {
  const post = POSTS.find(({ id }) => id === postId);
  if (!post) throw new NotFoundException(`There is no post ${postId}`);
  return post;
}
