// Players receive the events of their game. The leaderboard receives the events of all games.
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
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
  | { readonly type: 'player_scored'; readonly player: string; readonly points: number }
  | { readonly type: 'achievement_unlocked'; readonly player: string; readonly name: string };

/** As a pattern it matches every game; with an id it is the channel of one game. */
const GAME_EVENTS = 'game.:gameId.events';

@Injectable()
class Leaderboard {
  @Subscribe(GAME_EVENTS) // PSUBSCRIBE arcade:game.*.events
  onGameEvent(@ChannelParam('gameId') gameId: string, @Payload() event: GameEvent): void {
    recordReceived(`the leaderboard receives from ${gameId}: ${describe(event)}`);
  }
}

@Injectable()
class GameService {
  constructor(private readonly pubsub: RedisPubSubService) {}

  /** Resolves when Redis has acknowledged the subscription: from then on the player receives every event. */
  join(gameId: string, player: string): Promise<PubSubSubscription> {
    return this.pubsub.subscribe<GameEvent>(channelOf(gameId), ({ data }) => {
      recordReceived(`${player} receives: ${describe(data)}`);
    });
  }

  async publish(gameId: string, event: GameEvent): Promise<void> {
    const receivers = await this.pubsub.publish(channelOf(gameId), event);
    console.log(`→ ${channelOf(gameId)} ${event.type} (${receivers} delivered)`);
  }
}

@Module({
  imports: [RedisPubSubModule.forRoot({ connection, prefix: 'arcade:' })],
  providers: [Leaderboard, GameService],
})
class ArcadeModule {}

await runSample(async () => {
  const app = await NestFactory.createApplicationContext(ArcadeModule, { logger: ['warn'] });
  const games = app.get(GameService);
  await games.join('chess', 'ann');
  const ben = await games.join('chess', 'ben');
  await games.join('go', 'cleo');

  await games.publish('chess', { type: 'player_scored', player: 'ann', points: 3 });
  await printReceived(3);
  await games.publish('go', { type: 'achievement_unlocked', player: 'cleo', name: 'First stone' });
  await printReceived(2);
  ben.unsubscribe();
  await games.publish('chess', { type: 'player_scored', player: 'ann', points: 9 });
  await printReceived(2);
  await app.close();
});

/** Throws for an id that contains a separator, such as `a.b`, which would be the channel of another game. */
function channelOf(gameId: string): string {
  return buildChannel(GAME_EVENTS, { gameId });
}

function describe(event: GameEvent): string {
  return event.type === 'player_scored'
    ? `${event.player} scored ${event.points}`
    : `${event.player} unlocked "${event.name}"`;
}
