// A microservice on Nest's own Redis transport.
import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { logger, moduleOf } from './nest.mjs';
import { readArguments, tell } from './tell.mjs';

const { options, channel } = readArguments();
const app = await NestFactory.createMicroservice(moduleOf(channel), {
  transport: Transport.REDIS,
  options,
  logger,
});
let isListening = false;
app.status.subscribe((status) => {
  tell('status', { text: status });
  if (isListening && status === 'connected') tell('ready');
});
app.on('end', (connection) => {
  if (connection === 'sub') tell('gave up');
});
tell('starting');
await app.listen();
isListening = true;
tell('ready');
