import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Inject, Module } from '@nestjs/common';
import {
  Args,
  Field,
  GraphQLModule,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { createClient, type Client } from 'graphql-ws';
import type { PubSubEngine } from 'graphql-subscriptions';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { RedisPubSubEngine } from 'nestjs-redis-pubsub/graphql';
import { closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startHttpApp } from '../module/apps.js';

const redis = useRedis();

const PUB_SUB = Symbol('PUB_SUB');
const CHANNEL = 'comment.added';

@ObjectType()
class Comment {
  @Field(() => String)
  text!: string;

  @Field(() => Boolean)
  mayHaveMissed!: boolean;
}

interface CommentAdded {
  readonly commentAdded: Comment;
}

@Resolver(() => Comment)
class CommentsResolver {
  constructor(@Inject(PUB_SUB) private readonly engine: PubSubEngine) {}

  @Query(() => String)
  version(): string {
    return '1';
  }

  @Mutation(() => Boolean)
  async addComment(@Args('text', { type: () => String }) text: string): Promise<boolean> {
    const commentAdded: Comment = { text, mayHaveMissed: false };
    await this.engine.publish(CHANNEL, { commentAdded });
    return true;
  }

  @Subscription(() => Comment, {
    filter: ({ commentAdded }: CommentAdded) => commentAdded.text !== 'hidden',
  })
  commentAdded() {
    return this.engine.asyncIterableIterator<CommentAdded>(CHANNEL);
  }
}

function appModule() {
  @Module({
    imports: [
      RedisPubSubModule.forRoot({ connection: redis.url, pingInterval: 50 }),
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        playground: false,
        subscriptions: { 'graphql-ws': true },
      }),
    ],
    providers: [
      CommentsResolver,
      {
        provide: PUB_SUB,
        inject: [RedisPubSubService],
        useFactory: (pubsub: RedisPubSubService) =>
          new RedisPubSubEngine(pubsub, {
            onGap: () => ({ commentAdded: { text: '', mayHaveMissed: true } }),
          }),
      },
    ],
  })
  class AppModule {}
  return AppModule;
}

/** An instance with its URL, and a client of its subscriptions; closed after the test. */
async function start() {
  const { app } = await startHttpApp({ imports: [appModule()] });
  const url = new URL('/graphql', await app.getUrl());
  const client = createClient({
    url: url.href.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  });
  closeAfterTest(async () => client.dispose());
  const addComment = async (text: string): Promise<unknown> => {
    const query = 'mutation ($text: String!) { addComment(text: $text) }';
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables: { text } }),
    });
    return response.json();
  };
  return { client, addComment, service: app.get(RedisPubSubService) };
}

/** Collects the results of the subscription. */
function collect(client: Client) {
  const collected = { results: [] as unknown[], errors: [] as unknown[], isComplete: false };
  client.subscribe(
    { query: 'subscription { commentAdded { text mayHaveMissed } }' },
    {
      next: ({ data, errors }) => collected.results.push(errors ?? data?.commentAdded),
      error: (error) => collected.errors.push(error),
      complete: () => (collected.isComplete = true),
    },
  );
  return collected;
}

const comment = (text: string) => ({ text, mayHaveMissed: false });

describe('a GraphQL subscription of Nest, over graphql-ws', () => {
  it('receives what a mutation of another instance publishes', async () => {
    const [one, other] = [await start(), await start()];
    const collected = collect(one.client);
    await redis.subscribers(CHANNEL, 1);
    expect(await other.addComment('a')).toEqual({ data: { addComment: true } });
    await other.addComment('hidden');
    await one.addComment('b');
    await eventually(() => collected.results.length === 2);
    expect(collected.results).toEqual([comment('a'), comment('b')]);
  });

  it('shares one subscription of Redis among all clients, and ends it with the last one', async () => {
    const { client, addComment } = await start();
    const all = [collect(client), collect(client)];
    await redis.subscribers(CHANNEL, 1);
    await eventually(async () => {
      await addComment('a');
      return all.every(({ results }) => results.length > 0);
    });
    await client.dispose();
    await redis.subscribers(CHANNEL, 0);
    expect(all.flatMap(({ errors }) => errors)).toEqual([]);
  });

  it('tells its client of an outage, and goes on', async () => {
    const { client, addComment, service } = await start();
    const { results } = collect(client);
    await redis.subscribers(CHANNEL, 1);
    await addComment('before');
    await eventually(() => results.length === 1);
    await redis.stop();
    await eventually(() => service.status !== 'connected');
    await redis.start();
    await eventually(() => results.length === 2);
    await eventually(() => service.status === 'connected');
    await addComment('after');
    await eventually(() => results.length === 3);
    const missed = { text: '', mayHaveMissed: true };
    expect(results).toEqual([comment('before'), missed, comment('after')]);
  });

  it('is complete when the module has ended its observers', async () => {
    const { client, service } = await start();
    const collected = collect(client);
    await redis.subscribers(CHANNEL, 1);
    await service.drain();
    await eventually(() => collected.isComplete);
    expect([collected.results, collected.errors]).toEqual([[], []]);
    await redis.subscribers(CHANNEL, 0);
  });
});
