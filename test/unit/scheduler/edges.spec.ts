import { describe, expect, it } from 'vitest';
import type { TaskState } from 'nestjs-asyncz/store';
import { MemoryCluster, pass } from '../../support/memory.cluster.js';

const LAST = 8_640_000_000_000_000;

describe('a record at the end of what numbers and dates can hold', () => {
  it.each<[string, Partial<TaskState>]>([
    ['the next time of the grid is the last that there is', { nextScheduledTime: LAST }],
    ['the next time of the grid is the first that there is', { nextScheduledTime: -LAST }],
    ['the scheduled times are counted to the end', { scheduledCount: 2 ** 52 }],
    ['the failures are counted to the end', { failuresInARow: 2 ** 52 }],
    ['the token can grow once more', { lastToken: 2 ** 52 - 1 }],
    ['the token can grow no more', { lastToken: 2 ** 52 }],
  ])('runs or says why not, and is never written so that it cannot be read: %s', async (_, edge) => {
    const cluster = new MemoryCluster();
    const handler = () => {
      throw new Error('fails, so that failures are counted');
    };
    const scheduler = await cluster.join('one', { work: handler });
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', seconds: 10 } });
    const row = JSON.parse(cluster.disk.rows.get('a')!) as { state: string };
    const state = { ...(JSON.parse(row.state) as TaskState), ...edge };
    cluster.disk.rows.set('a', JSON.stringify({ ...row, state: JSON.stringify(state) }));
    await pass(cluster, 60_000, 1_000);
    const info = await scheduler.getTaskInfo('a');
    // One whose grid has no further time is removed after its run, as any other.
    const problem = info && info.state !== 'unreadable' ? info.problem : null;
    expect(info?.state).not.toBe('unreadable');
    const { runs } = await scheduler.getRuns({ taskId: 'a' });
    expect(runs.length > 0 || problem !== null).toBe(true);
  });
});
