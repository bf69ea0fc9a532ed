// Loaded into the gateway with --import: sends the usage of the gateway to its parent process on request.
import { processUsage } from './process-usage.js';

process.on('message', () => process.send?.(processUsage()));
