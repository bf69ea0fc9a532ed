// An instance of a service, with the built package: writes the numbers that it handles to a file.
import { openSync, writeSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { RedisPubSubServer } from '../../dist/index.js';

const [connection, path, group] = process.argv.slice(2);
const file = openSync(path, 'a');
Logger.overrideLogger(false);
const server = new RedisPubSubServer({ connection });
// Written before the handler returns: a kill loses nothing that was handled.
const handle = async (number) => void writeSync(file, `${number}\n`);
server.addHandler('order.*', handle, true, group ? { group } : {});
server.listen((error) => process.send(error instanceof Error ? error.message : 'ready'));
process.on('SIGTERM', () => {
  void server.close().then(() => process.exit(0));
});
process.on('disconnect', () => process.exit(0));
