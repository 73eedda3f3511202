import { describe, expect, it } from 'vitest';
import { InvalidOptionError, Scheduler, TaskConflictError } from 'nestjs-asyncz';
import type { SchedulerOptions, Store } from 'nestjs-asyncz';
import { PLACES } from './places.js';
import type { Place } from './places.js';

const KEYS = { keys: ['a-secret-of-32-characters-or-more!'] };

/** A client of one store, in a place of its own. */
async function withStore<T>(
  place: Place,
  what: string,
  work: (scheduler: Scheduler, store: Store) => Promise<T>,
  more: SchedulerOptions = {},
) {
  const { store, close } = place.open(what);
  const scheduler = new Scheduler({ role: 'client', ...more, stores: { default: store } });
  try {
    await scheduler.start();
    return await work(scheduler, store);
  } finally {
    await scheduler.shutdown(0);
    await close();
  }
}

async function fill(scheduler: Scheduler): Promise<void> {
  await scheduler.addTask({
    id: 'plain',
    handler: 'work',
    args: ['a', { deep: [1] }],
    trigger: { type: 'interval', hours: 1 },
  });
  await scheduler.addTask({
    id: 'data',
    handler: 'work',
    data: { tenant: 'ü' },
    trigger: { type: 'cron', expression: '0 2 * * *' },
  });
  await scheduler.addTask({ id: 'paused', handler: 'work', tags: ['x'], trigger: { type: 'interval', hours: 2 } });
  await scheduler.pauseTask('paused', { actor: 'ada', reason: 'moving' });
}

async function linesOf(scheduler: Scheduler, options = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of scheduler.exportTasks(options)) lines.push(line);
  return lines;
}

const tasksOf = async (scheduler: Scheduler) =>
  (await scheduler.getTaskInfos({ sortBy: 'id' })).tasks.map((task) => ({ ...task, version: 0, updatedAt: 0 }));

describe('tasks that are exported', () => {
  it.each(PLACES)('from $name come into each kind of store as they were', { timeout: 120_000 }, async (from) => {
    await withStore(from, 'export', async (scheduler) => {
      await fill(scheduler);
      const before = await tasksOf(scheduler);
      const lines = await linesOf(scheduler);
      expect(lines).toHaveLength(5);
      for (const to of PLACES) {
        await withStore(to, 'import', async (other) => {
          expect(await other.importTasks(lines, { dryRun: true })).toMatchObject({ added: 3, dryRun: true });
          expect(await tasksOf(other)).toEqual([]);
          expect(await other.importTasks(lines)).toMatchObject({ added: 3, unreadable: 0, complete: true });
          expect(await tasksOf(other)).toEqual(before);
        });
      }
    });
  });

  const [memory] = PLACES as [Place];

  it('are encrypted where there are keys, and in clear when that is asked for', async () => {
    const options = { encryption: KEYS } as never;
    await withStore(
      memory,
      'export',
      async (scheduler) => {
        await fill(scheduler);
        const sealed = await linesOf(scheduler);
        const clear = await linesOf(scheduler, { decrypt: true });
        expect(sealed.join()).not.toContain('tenant');
        expect(clear.join()).toContain('tenant');
        await withStore(memory, 'import', async (other) => {
          expect(await other.importTasks(sealed)).toMatchObject({ added: 0, unreadable: 3, complete: true });
          expect(await other.importTasks(clear)).toMatchObject({ added: 3, unreadable: 0 });
        });
        await withStore(
          memory,
          'import',
          async (other) => expect(await other.importTasks(sealed)).toMatchObject({ added: 3 }),
          options,
        );
      },
      options,
    );
  });

  it('fail, are skipped or replace what is there, as is asked for', async () => {
    await withStore(memory, 'export', async (scheduler) => {
      await fill(scheduler);
      const lines = await linesOf(scheduler);
      await scheduler.updateTask('plain', { priority: 7 });
      await scheduler.deleteTask('data');
      expect(await scheduler.importTasks(lines, { onConflict: 'skip' })).toMatchObject({
        added: 1,
        skipped: 2,
        skippedIds: ['paused', 'plain'],
      });
      expect(await scheduler.getTaskInfo('plain')).toMatchObject({ policies: { priority: 7 } });
      await expect(scheduler.importTasks(lines)).rejects.toThrow(TaskConflictError);
      expect(await scheduler.importTasks(lines, { onConflict: 'replace' })).toMatchObject({ added: 0, replaced: 3 });
      expect(await scheduler.getTaskInfo('plain')).toMatchObject({ policies: { priority: 0 } });
    });
  });

  it('are imported as far as they can be read, and each line that cannot is named', async () => {
    await withStore(memory, 'export', async (scheduler) => {
      await fill(scheduler);
      const [header, data, paused, plain] = await linesOf(scheduler);
      await scheduler.removeAllTasks();
      const damaged = paused!.replace('"interval"', '"');
      const foreign = plain!.replaceAll('"plain"', '"asyncz:own"');
      const result = await scheduler.importTasks([header!, damaged, 'no JSON', '{}', foreign, data!]);
      expect(result).toMatchObject({ added: 1, unreadable: 4, complete: false });
      expect(result.faults.map(({ line }) => line)).toEqual([2, 3, 4, 5]);
      expect((await tasksOf(scheduler)).map(({ id }) => id)).toEqual(['data']);
      for (const lines of [['{}'], ['x'], [header!.replace('"version":1', '"version":9')]]) {
        await expect(scheduler.importTasks(lines)).rejects.toThrow(InvalidOptionError);
      }
      await expect(scheduler.importTasks([], { onConflict: 'merge' as never })).rejects.toThrow('"fail", "skip" or');
      expect(() => scheduler.exportTasks({ store: 'x' })).toThrow('store');
    });
  });
});
