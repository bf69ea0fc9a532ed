import { EventPattern, Transport } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { REDIS_PUBSUB } from '../../../src/options/options.js';
import { Subscribe } from '../../../src/transport/subscribe.decorator.js';

/** The metadata that a decorator leaves on a method, without the methods that other decorators see. */
function metadataOf(decorate: MethodDecorator): [unknown, unknown][] {
  const method = class {};
  decorate({}, 'method', { value: method });
  return Reflect.getMetadataKeys(method).map((key: string) => [
    key,
    Reflect.getMetadata(key, method),
  ]);
}

describe('Subscribe', () => {
  it('leaves the same metadata as EventPattern', () => {
    const options = { concurrency: 2, sharded: false };
    expect(metadataOf(Subscribe('a'))).toEqual(metadataOf(EventPattern<string>('a')));
    expect(metadataOf(Subscribe(['a', 'b.*'], options))).toEqual(
      metadataOf(EventPattern<string[]>(['a', 'b.*'], options)),
    );
    for (const transportId of [REDIS_PUBSUB, Transport.REDIS]) {
      expect(metadataOf(Subscribe('a', { transportId, ...options }))).toEqual(
        metadataOf(EventPattern<string>('a', transportId, options)),
      );
    }
  });
});
