import { randomBytes } from 'node:crypto';
import { runningCount } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { HandlerRegistry } from '../loop/handler.registry.js';
import type { Clock } from '../../model/clock.js';
import type { Logger } from '../../model/logger.js';
import type { StoreHandle } from './store.handle.js';
import { extraRun } from '../plan/extra-run.js';

const PAGE = 1_000;

/**
 * Starts, at once and in this process, the tasks of a store whose trigger is the start or the stop of a scheduler, as far
 * as their handlers are here. They run before the loop begins to claim, or after it has stopped.
 */
export async function runLifecycleTasks(
  handle: StoreHandle,
  source: 'startup' | 'shutdown',
  options: { readonly clock: Clock; readonly identity: string; readonly leaseMs: number; readonly logger: Logger },
  handlers: HandlerRegistry,
): Promise<void> {
  const { worker, store } = handle;
  if (!worker) return;
  try {
    const page = { offset: 0, limit: PAGE };
    const { tasks } = await store.query({ trigger: source }, { by: 'id', descending: false }, page);
    const mine = tasks.filter(
      (task): task is TaskRecord => 'definition' in task && handlers.has(task.definition.handler),
    );
    if (mine.length === 0) return;
    const suffix = randomBytes(4).toString('hex');
    const asked = options.clock.monotonic();
    const result = await store.transact({ ids: mine.map(({ id }) => id) }, (task, now) => {
      if (task.state.pause || runningCount(task.state) >= task.definition.policies.maxInstances) return null;
      const token = Math.max(task.state.lastToken + 1, now);
      const run = {
        ...extraRun(task, source, now, suffix),
        status: 'running' as const,
        owner: options.identity,
        token,
        leaseUntil: now + options.leaseMs,
        startedAt: now,
      };
      const state = { ...task.state, updatedAt: now, lastToken: token, live: [...task.state.live, run] };
      return { task: { ...task, state }, history: [], value: run };
    });
    for (const { id, task, value } of result.committed)
      worker.runs.start({ id, task, start: [value], history: [] }, asked);
  } catch (error) {
    options.logger.error(`The ${source} tasks of store "${handle.alias}" could not be run`, error);
  }
}
