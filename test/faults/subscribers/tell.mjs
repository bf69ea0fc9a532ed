// A service has something else that keeps it running, as an HTTP server; here it is its parent.
process.on('disconnect', () => process.exit(0));

/** Tells the parent that something has happened just now. */
export function tell(kind, details = {}) {
  process.send({ kind, at: Date.now(), ...details });
}

/** What a script is started with: the options of its subscriber, and the channel. */
export function readArguments() {
  const [options, channel] = process.argv.slice(2);
  return { options: JSON.parse(options), channel };
}
