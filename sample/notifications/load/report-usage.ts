// Loaded into the gateway with --import: it tells what it has used to whoever started it and asks.
import { processUsage } from './process-usage.js';

process.on('message', () => process.send?.(processUsage()));
