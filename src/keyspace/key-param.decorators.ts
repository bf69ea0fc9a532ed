import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Pipe } from '../transport/param.decorators.js';
import { isKeyNotification, type KeyNotification } from './key-notification.js';

/**
 * Parameter decorator: the key of the notification, as text. For a key that is not text use
 * {@link KeyNotification.keyBytes}. Like the others it gives `undefined` if the message is no notification.
 */
export const Key: (...pipes: Pipe[]) => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext) => notificationIn(context)?.key,
);

/** Parameter decorator: the value of the segment `:name` of the pattern of keys, as in `@KeyParam('id')`. */
export const KeyParam: (name: string, ...pipes: Pipe[]) => ParameterDecorator =
  createParamDecorator((name: string, context: ExecutionContext) => {
    const params = notificationIn(context)?.params;
    return params && Object.hasOwn(params, name) ? params[name] : undefined;
  });

/** Parameter decorator: the name of the event, such as `expired`. */
export const KeyEvent: (...pipes: Pipe[]) => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext) => notificationIn(context)?.event,
);

function notificationIn(execution: ExecutionContext): KeyNotification | undefined {
  const data: unknown = execution.switchToRpc().getData();
  return isKeyNotification(data) ? data : undefined;
}
