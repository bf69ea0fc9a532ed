import { expect, it } from 'vitest';
import * as contract from '../../../sample/notifications/contract/limits.js';
import * as page from '../../../sample/notifications/gateway/page/limits.js';

it('the fields of the page and the server have the same limits', () => {
  expect({ ...page }).toEqual({ ...contract });
});
