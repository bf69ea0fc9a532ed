import { settings } from '../process/settings.js';

/** The name of this gateway instance. */
export const INSTANCE = settings.instance ?? 'gateway';
