import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from 'nestjs-redis-pubsub';
import { resolveAdapterOptions } from '../../../src/socket.io/options.js';

describe('the options of the adapter', () => {
  it('have defaults', () => {
    expect(resolveAdapterOptions({})).toEqual({ onGap: 'emit' });
  });

  it.each([
    [null, 'Expected "options of the adapter" to be an object, got null'],
    [
      { onGap: 'close' },
      'Expected "onGap" to be "emit", "disconnect", "ignore" or a function, got "close"',
    ],
    [{ roomChannels: true }, 'Expected "roomChannels" to be a function, got true'],
    [{ sharded: 'yes' }, 'Expected "sharded" to be true or false, got "yes"'],
    [{ transportId: 'a' }, 'Expected "transportId" to be a symbol or a Transport, got "a"'],
    [
      { roomChannel: () => true },
      'Unknown option of the adapter "roomChannel": did you mean "roomChannels"? There are onGap, roomChannels, sharded, transportId',
    ],
  ])('refuse %o', (options, message) => {
    expect(() => resolveAdapterOptions(options)).toThrow(new InvalidOptionError(message));
  });
});
