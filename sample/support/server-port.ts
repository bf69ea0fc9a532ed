/**
 * The first port of servers. All ports, and the cluster bus ports 10,000 above them, are below 32768: there the
 * system takes the ports of outgoing connections from, and one of these could take the port of a server that is
 * down for a moment.
 */
const FIRST_PORT = 10_000;
const PORTS = 10_000;
const PORTS_PER_PROCESS = 100;
const MAX_ATTEMPTS = 20;

let chosen = 0;

/**
 * Chooses a port for a server: another one in each call and, since processes that run at the same time have
 * different ids, in each process. It does not check whether the port is free, because another program could take
 * it after the check: start the server with {@link onFreePort}.
 *
 * @param count - How many ports in a row are chosen. Default: 1.
 * @returns The first of them.
 */
export function choosePort(count = 1): number {
  const port = FIRST_PORT + ((process.pid * PORTS_PER_PROCESS + chosen) % PORTS);
  chosen += count;
  return port;
}

/**
 * Calls `start` with one port after the other, until one is free.
 *
 * @param start - Starts a server; rejects if its port is in use, with an error that says so.
 * @returns The first result. Rejects with any other error of `start`, and after 20 ports in use.
 */
export async function onFreePort<Started>(
  start: (port: number) => Promise<Started>,
): Promise<Started> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(choosePort());
    } catch (error) {
      if (!isPortInUse(error) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

function isPortInUse(error: unknown): boolean {
  return /EADDRINUSE|address already in use/i.test(String(error));
}
