/** The address that only this machine reaches. */
export const LOOPBACK = '127.0.0.1';

/** The port of an HTTP service, and the first one of the launcher. */
export const DEFAULT_PORT = 3000;
