// The connection to the parent keeps this process running, as an HTTP server keeps a service running.
process.on('disconnect', () => process.exit(0));

/** Sends a message to the parent, with the time. */
export function report(kind, details = {}) {
  process.send({ kind, at: Date.now(), ...details });
}

/** The arguments of a script: the options of its subscriber, and the channel. */
export function readArguments() {
  const [options, channel] = process.argv.slice(2);
  return { options: JSON.parse(options), channel };
}
