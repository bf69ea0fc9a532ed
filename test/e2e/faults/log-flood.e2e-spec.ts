import {
  BadRequestException,
  Controller,
  UsePipes,
  ValidationPipe,
  type PipeTransform,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { IsString } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, startService, type TestLog } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const MESSAGES = 5_000;
/** Of one kind: ten lines in each of a few seconds, and the number of the others. */
const MAX_LINES = 60;
const FORGED = 'x\n[Nest] 1 - LOG \u001b[32mAll is well\u001b[0m\u2028';

class UserDto {
  @IsString()
  name!: string;
}

const asRpcException = new ValidationPipe({
  exceptionFactory: (errors) => new RpcException(errors.map(String).join('; ')),
});

const failing = (create: () => Error): PipeTransform => ({
  transform: () => {
    throw create();
  },
});

@Controller()
class Handlers {
  @UsePipes(asRpcException)
  @EventPattern<string>('flood.validated')
  validated(@Payload() _user: UserDto) {}

  @UsePipes(new ValidationPipe())
  @EventPattern<string>('flood.http')
  http(@Payload() _user: UserDto) {}

  @EventPattern<string>('flood.error')
  error() {
    throw new Error(FORGED.repeat(5_000));
  }

  @MessagePattern('flood.request')
  request() {
    throw new Error(FORGED);
  }

  @UsePipes(failing(() => new BadRequestException([FORGED])))
  @EventPattern<string>('flood.*')
  glob(@Payload() _data: unknown) {}
}

/** Every line that an application writes, those of Nest included. */
function expectQuiet(log: TestLog): void {
  const lines = [...log.of('warn'), ...log.of('error')];
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.length).toBeLessThan(MAX_LINES);
  for (const line of lines) {
    expect(line.length).toBeLessThan(8_000);
    const [first = '', ...frames] = line.split('\n');
    expect(first).not.toMatch(/\p{Cc}|\u2028/u);
    for (const frame of frames) expect(frame).toMatch(/^ +at /);
  }
}

describe(`${MESSAGES} messages whose handlers fail`, () => {
  const redis = useRedis();

  const publish = (channel: string, payload: string) =>
    Promise.all(Array.from({ length: MESSAGES }, () => redis.client.publish(channel, payload)));

  it.each([
    ['flood.validated', '{"name":5}', 'name has failed'],
    ['flood.http', '{"name":5}', 'name must be a string'],
    ['flood.error', '1', 'Error: x\\u000a[Nest]'],
    ['flood.request', '{"pattern":"flood.request","data":1,"id":1}', 'Error: x\\u000a[Nest]'],
  ])('write few lines, with the number of the others: %s', async (channel, payload, reason) => {
    const { log } = await startService(
      { module: class {}, controllers: [Handlers] },
      { connection: redis.url },
    );
    await publish(channel, payload);
    const summary = new RegExp(`"${channel}" (failed|rejected) \\d+ more (times|messages)$`);
    await eventually(() => log.lines.some(({ text }) => summary.test(text)));
    expectQuiet(log);
    expect(log.lines.map(({ text }) => text).join()).toContain(reason);
  });

  it('of subscribe write few lines, with the number of the others', async () => {
    const log = captureLog();
    const app = await NestFactory.createApplicationContext(
      { module: class {}, imports: [RedisPubSubModule.forRoot({ connection: redis.url })] },
      { logger: log },
    );
    closeAfterTest(() => app.close());
    await app.get(RedisPubSubService).subscribe('flood.subscribed', () => {
      throw new Error(FORGED);
    });
    await publish('flood.subscribed', '1');
    await eventually(() => log.of('error').some((text) => text.endsWith(' more messages failed')));
    expect(log.of('error').join()).toContain('A message on "flood.subscribed" failed: Error: x');
    expectQuiet(log);
  });
});
