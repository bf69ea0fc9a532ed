import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { isPubSubContext, type RedisPubSubContext } from './redis-pubsub.context.js';

/** What Nest's parameter decorators take: pipes, and in Nest 12 options with a schema. */
export type Pipe = Parameters<ReturnType<typeof createParamDecorator<never>>>[number];

/**
 * Parameter decorator: the channel that the message was published on, without the prefix. Like the others it
 * gives `undefined` if another transport calls the handler.
 */
export const Channel: (...pipes: Pipe[]) => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext) => contextOf(context)?.getChannel(),
);

/** Parameter decorator: the value of the segment `:name` of the pattern, as in `@ChannelParam('userId')`. */
export const ChannelParam: (name: string, ...pipes: Pipe[]) => ParameterDecorator =
  createParamDecorator((name: string, context: ExecutionContext) =>
    contextOf(context)?.getParam(name),
  );

/** Parameter decorator: a header of the message, as in `@MessageHeader('tenant')`. */
export const MessageHeader: (name: string, ...pipes: Pipe[]) => ParameterDecorator =
  createParamDecorator((name: string, context: ExecutionContext) =>
    contextOf(context)?.getHeader(name),
  );

/** The context of this transport; `undefined` if another transport calls the handler. */
function contextOf(execution: ExecutionContext): RedisPubSubContext | undefined {
  const context: unknown = execution.switchToRpc().getContext();
  return isPubSubContext(context) ? context : undefined;
}
