import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { OutsideLogger } from '../../../src/transport/outside-logger.js';

describe('OutsideLogger', () => {
  it.each(['log', 'warn', 'error'] as const)(
    'writes with %s in the context of no request, with the name of its class',
    (level) => {
      const requests = new AsyncLocalStorage<string>();
      const written: unknown[] = [];
      const spy = vi.spyOn(Logger.prototype, level).mockImplementation(function write(
        this: unknown,
        ...args: unknown[]
      ) {
        written.push([this, args, requests.getStore()]);
      });
      onTestFinished(() => spy.mockRestore());
      const logger = new OutsideLogger('Shop');
      requests.run('a request', () => logger[level]('a line', 'more'));
      expect(written).toEqual([[logger, ['a line', 'more'], undefined]]);
    },
  );
});
