import type { Logger } from '@nestjs/common';
import type { MessageHandler } from '@nestjs/microservices';
import { messageOf, shorten } from '../../errors.js';
import { sourceIn } from '../message-source.js';
import { attributeToHandler } from '../nest-internals.js';
import { HandlerRoute, readPattern, type RouteTarget } from './handler-route.js';
import { SourceRoute } from './source-route.js';

/** The route of a handler. Throws for a wrong pattern or handler option; the error of the start names the method. */
export function createRoute(
  pattern: unknown,
  handler: MessageHandler,
  target: RouteTarget,
  logger: Pick<Logger, 'error'>,
): HandlerRoute {
  try {
    const createSource = sourceIn(handler.extras);
    if (!createSource) return new HandlerRoute(readPattern(pattern), handler, target);
    const source = createSource(target.bus, String(pattern));
    return new SourceRoute(source, handler, target, (error) =>
      logger.error(
        `The handler of "${shorten(source.pattern.source)}" receives nothing: ${messageOf(error)}`,
      ),
    );
  } catch (error) {
    attributeToHandler(error, handler.extras ?? {});
    throw error;
  }
}
