// Players hear the events of the game that they play; the leaderboard hears those of all games.
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  buildChannel,
  ChannelParam,
  RedisPubSubModule,
  RedisPubSubService,
  type PubSubSubscription,
} from 'nestjs-redis-pubsub';
import { connection, hear, printHeard, runSample } from '../support/run-sample.js';

type GameEvent =
  | { readonly type: 'player_scored'; readonly player: string; readonly points: number }
  | { readonly type: 'achievement_unlocked'; readonly player: string; readonly name: string };

/** As a pattern it means every game; with an id in it, the channel of one. */
const GAME_EVENTS = 'game.:gameId.events';

@Injectable()
class Leaderboard {
  @EventPattern<string>(GAME_EVENTS) // PSUBSCRIBE arcade:game.*.events
  onGameEvent(@ChannelParam('gameId') gameId: string, @Payload() event: GameEvent): void {
    hear(`the leaderboard hears of ${gameId}: ${describe(event)}`);
  }
}

@Injectable()
class GameService {
  constructor(private readonly pubsub: RedisPubSubService) {}

  /** Resolves when Redis has acknowledged: from then on the player hears everything. */
  join(gameId: string, player: string): Promise<PubSubSubscription> {
    return this.pubsub.subscribe<GameEvent>(channelOf(gameId), ({ data }) => {
      hear(`${player} hears: ${describe(data)}`);
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
  await printHeard(3);
  await games.publish('go', { type: 'achievement_unlocked', player: 'cleo', name: 'First stone' });
  await printHeard(2);
  ben.unsubscribe();
  await games.publish('chess', { type: 'player_scored', player: 'ann', points: 9 });
  await printHeard(2);
  await app.close();
});

/** Throws for an id that would reach other games, such as `a.b`. */
function channelOf(gameId: string): string {
  return buildChannel(GAME_EVENTS, { gameId });
}

function describe(event: GameEvent): string {
  return event.type === 'player_scored'
    ? `${event.player} scored ${event.points}`
    : `${event.player} unlocked "${event.name}"`;
}
