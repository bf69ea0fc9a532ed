// Players receive the events of their game. The leaderboard receives the events of all games. The scores themselves
// are in a sorted set of Redis: Pub/Sub announces a change, and keeps nothing for a player who joins later.
import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { Redis } from 'ioredis';
import {
  buildChannel,
  ChannelParam,
  RedisPubSubModule,
  RedisPubSubService,
  Subscribe,
  type PubSubSubscription,
} from 'nestjs-redis-pubsub';
import { connection, recordReceived, printReceived, runSample } from '../support/run-sample.js';

type GameEvent =
  | {
      readonly type: 'player_scored';
      readonly player: string;
      readonly points: number;
      readonly total: number;
    }
  | { readonly type: 'achievement_unlocked'; readonly player: string; readonly name: string };

/** As a pattern it matches every game; with an id it is the channel of one game, such as `game:chess:events`. */
const GAME_EVENTS = 'game::gameId:events';

/** The state: one sorted set per game, of players by their points. */
@Injectable()
class Scores implements OnApplicationShutdown {
  readonly #redis = new Redis(connection);

  /** Resolves to the new total of the player. */
  async add(gameId: string, player: string, points: number): Promise<number> {
    return Number(await this.#redis.zincrby(keyOf(gameId), points, player));
  }

  /** The players of a game with their points, the best first. */
  async ranking(gameId: string): Promise<string> {
    const flat = await this.#redis.zrevrange(keyOf(gameId), 0, -1, 'WITHSCORES');
    const players = flat.filter((_, i) => i % 2 === 0);
    return players.map((player, i) => `${player} ${flat[2 * i + 1]}`).join(', ');
  }

  async remove(gameId: string): Promise<void> {
    await this.#redis.del(keyOf(gameId));
  }

  onApplicationShutdown(): void {
    this.#redis.disconnect();
  }
}

@Injectable()
class Leaderboard {
  @Subscribe(GAME_EVENTS) // PSUBSCRIBE arcade:game:*:events
  onGameEvent(@ChannelParam('gameId') gameId: string, @Payload() event: GameEvent): void {
    recordReceived(`the leaderboard receives from ${gameId}: ${describe(event)}`);
  }
}

@Injectable()
class GameService {
  constructor(
    private readonly pubsub: RedisPubSubService,
    private readonly scores: Scores,
  ) {}

  /** Resolves when Redis has acknowledged the subscription: from then on the player receives every event. */
  async join(gameId: string, player: string): Promise<PubSubSubscription> {
    const subscription = await this.pubsub.subscribe<GameEvent>(channelOf(gameId), ({ data }) => {
      recordReceived(`${player} receives: ${describe(data)}`);
    });
    // Read after the subscription: a change is either in the state, or in an event that follows.
    const ranking = await this.scores.ranking(gameId);
    console.log(`${player} joins ${gameId}; the ranking: ${ranking || 'empty'}`);
    return subscription;
  }

  /** Stores the points, and then tells everyone in the game. */
  async score(gameId: string, player: string, points: number): Promise<void> {
    const total = await this.scores.add(gameId, player, points);
    await this.publish(gameId, { type: 'player_scored', player, points, total });
  }

  async publish(gameId: string, event: GameEvent): Promise<void> {
    const receivers = await this.pubsub.publish(channelOf(gameId), event);
    console.log(`→ ${channelOf(gameId)} ${event.type} (${receivers} delivered)`);
  }
}

@Module({
  imports: [RedisPubSubModule.forRoot({ connection, prefix: 'arcade:' })],
  providers: [Leaderboard, GameService, Scores],
})
class ArcadeModule {}

await runSample(async () => {
  const app = await NestFactory.createApplicationContext(ArcadeModule, { logger: ['warn'] });
  const games = app.get(GameService);
  // A game of an earlier run, in a Redis of your own.
  await app.get(Scores).remove('chess');
  await games.join('chess', 'ann');
  const ben = await games.join('chess', 'ben');
  await games.join('go', 'cleo');

  await games.score('chess', 'ann', 3);
  await printReceived(3);
  await games.publish('go', { type: 'achievement_unlocked', player: 'cleo', name: 'First stone' });
  await printReceived(2);
  ben.unsubscribe();
  await games.score('chess', 'ann', 9);
  await printReceived(2);
  await games.score('chess', 'ben', 10);
  await printReceived(2);
  await games.join('chess', 'dora');
  await app.get(Scores).remove('chess');
  await app.close();
});

/** Throws for an id that contains a separator, such as `a:b`, which would be the channel of another game. */
function channelOf(gameId: string): string {
  return buildChannel(GAME_EVENTS, { gameId });
}

function keyOf(gameId: string): string {
  return `arcade:scores:${gameId}`;
}

function describe(event: GameEvent): string {
  return event.type === 'player_scored'
    ? `${event.player} scored ${event.points}, now ${event.total}`
    : `${event.player} unlocked "${event.name}"`;
}
