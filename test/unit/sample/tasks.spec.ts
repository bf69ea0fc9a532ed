import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../sample/notifications/gateway/page/api.js';
import { Tasks } from '../../../sample/notifications/gateway/page/tasks.js';
import { createStore } from './create-store.js';

function createTasks() {
  const store = createStore();
  const failures = { temporary: 0 };
  const tasks = new Tasks(store, () => void (failures.temporary += 1));
  const fail = (key: string, status: number) =>
    tasks.run(key, async () => {
      throw new ApiError(status, `Status ${status}`);
    });
  return { store, tasks, failures, fail, keys: () => Object.keys(store.state.tasks) };
}

describe('the error of a control', () => {
  it('is over when the services are back, if it was one of them', async () => {
    const { tasks, fail, failures, keys } = createTasks();
    for (const status of [0, 429, 503, 400, 403, 404, 413]) await fail(`task ${status}`, status);
    expect(failures.temporary).toBe(3);
    tasks.clearTemporary();
    expect(keys()).toEqual(['task 400', 'task 403', 'task 404', 'task 413']);
  });

  it('is over when the user changes the text', async () => {
    const { tasks, fail, keys } = createTasks();
    await fail('a', 400);
    await fail('b', 400);
    tasks.clear('a');
    tasks.clear('none');
    expect(keys()).toEqual(['b']);
  });

  it('does not end a request that runs', async () => {
    const { tasks, store } = createTasks();
    const request = Promise.resolve();
    const running = tasks.run('a', () => request);
    tasks.clear('a');
    tasks.clearTemporary();
    expect(store.state.tasks.a).toEqual({ isRunning: true });
    await running;
  });
});
