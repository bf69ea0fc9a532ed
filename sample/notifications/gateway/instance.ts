import { settings } from '../process/settings.js';

/** What this instance of the gateway is called. */
export const INSTANCE = settings.instance ?? 'gateway';
