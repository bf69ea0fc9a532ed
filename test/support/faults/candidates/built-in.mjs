// A microservice on the built-in `Transport.REDIS`.
import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { logger, moduleOf } from './nest.mjs';
import { readArguments, report } from './report.mjs';

const { options, channel } = readArguments();
const app = await NestFactory.createMicroservice(moduleOf(channel), {
  transport: Transport.REDIS,
  options,
  logger,
});
let isListening = false;
app.status.subscribe((status) => {
  report('status', { text: status });
  if (isListening && status === 'connected') report('ready');
});
app.on('end', (connection) => {
  if (connection === 'sub') report('gave up');
});
report('starting');
await app.listen();
isListening = true;
report('ready');
