import { afterEach } from 'vitest';
import { closeAll } from './app.js';

afterEach(closeAll);
