import type { Logger } from '@nestjs/common';
import type { MessageHandler } from '@nestjs/microservices';
import { InvalidOptionError, messageOf, shorten } from '../../errors.js';
import type { HandlerOptions } from '../../options/options.js';
import { resolveHandlerOptions } from '../../options/resolve-options.js';
import { sourceIn } from '../message-source.js';
import { attributeToHandler } from '../nest-internals.js';
import { GroupedTarget } from './grouped-target.js';
import { HandlerRoute, readPattern, type RouteTarget } from './handler-route.js';
import { RecoveringRoute } from './recovering-route.js';
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
    const { group, recover } = resolveHandlerOptions(handler.extras as HandlerOptions | undefined);
    if (!createSource) {
      if (group && recover) {
        throw new InvalidOptionError('recover', 'absent beside "group"', recover);
      }
      const claiming = group ? new GroupedTarget(target, group, logger) : target;
      const Route = recover ? RecoveringRoute : HandlerRoute;
      return new Route(readPattern(pattern), handler, claiming);
    }
    if (recover) throw new InvalidOptionError('recover', 'absent for keys', recover);
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
