// An instance that writes one stream, with the built package: a chunk for each number that it is sent, until it is killed.
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Subject } from 'rxjs';
import { RedisPubSubModule, RedisPubSubService } from '../../dist/index.js';
import { ResumableStreams } from '../../dist/resumable/index.js';

const [connection, id, writerTimeout] = process.argv.slice(2);
Logger.overrideLogger(false);
class Root {}
const imports = [RedisPubSubModule.forRoot({ connection })];
const app = await NestFactory.createApplicationContext({ module: Root, imports });
const streams = new ResumableStreams(app.get(RedisPubSubService), {
  writerTimeout: Number(writerTimeout),
});
const source = new Subject();
process.on('message', (number) => source.next(`chunk ${String(number)}`));
process.on('disconnect', () => process.exit(0));
await streams.start(id, source);
process.send('ready');
