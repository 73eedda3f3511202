import { describe, expect, it } from 'vitest';
import { InvalidOptionError, MemoryStore, UnknownNameError, UnknownOptionError } from 'nestjs-asyncz';
import type { JournalEntryInfo, JournalQuery, Scheduler } from 'nestjs-asyncz';
import { createRunning, createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

const DAILY = { type: 'cron', expression: '0 3 * * *' } as const;

/** The entries, the earliest first. */
async function journalOf(scheduler: Scheduler, query: JournalQuery = {}): Promise<readonly JournalEntryInfo[]> {
  const { entries } = await scheduler.getJournal(query);
  // What happened is another page: cluster/fact.journal.spec.ts.
  return entries.filter(({ kind }) => !/^(scheduler\.(started|stopped)|task\.orphaned)$/.test(kind)).toReversed();
}

const kindsOf = (entries: readonly JournalEntryInfo[]) => entries.map(({ kind, taskId }) => `${kind} ${taskId}`);

describe('the journal', () => {
  it('says who did what to a task, why, when, and what changed, field by field', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    const ops = { actor: 'ada', reason: 'a try' };
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: HOURLY, args: [1], tags: ['x'], ...ops });
    clock.advance(1);
    await scheduler.updateTask('a', { args: [{ two: 2 }], retry: { attempts: 7 } }, ops);
    await scheduler.rescheduleTask('a', DAILY, { actor: 'bob' });
    await scheduler.pauseTask('a', { reason: 'too loud' });
    await scheduler.resumeTask('a');
    const runId = await scheduler.runTask('a', { actor: 'eve' });
    await settle();
    await scheduler.deleteTask('a', ops);
    const entries = await journalOf(scheduler);
    expect(kindsOf(entries)).toEqual([
      'task.added a',
      'task.updated a',
      'task.rescheduled a',
      'task.paused a',
      'task.resumed a',
      'task.run a',
      'task.deleted a',
    ]);
    const [added, updated, rescheduled, paused, , run, deleted] = entries;
    expect(added).toMatchObject({ ...ops, time: new Date(START), store: 'default', scheduler: scheduler.identity });
    expect(added!.changes).toEqual([
      { field: 'handler', after: 'work' },
      { field: 'name', after: 'work' },
      { field: 'trigger', after: expect.objectContaining({ type: 'interval' }) as unknown },
      { field: 'args', after: [1] },
      { field: 'tags', after: ['x'] },
      { field: 'nextRunTime', after: expect.any(String) as unknown },
    ]);
    expect(updated).toMatchObject({ ...ops, time: new Date(START + 1) });
    expect(updated!.changes).toEqual([
      { field: 'args', before: [1], after: [{ two: 2 }] },
      {
        field: 'policies.retry',
        before: null,
        after: expect.objectContaining({ attempts: 7 }) as unknown,
      },
    ]);
    expect(rescheduled).toMatchObject({ actor: 'bob', reason: null });
    expect(rescheduled!.changes!.map(({ field }) => field)).toEqual(['trigger', 'nextRunTime']);
    expect(paused).toMatchObject({ actor: null, reason: 'too loud' });
    expect(paused!.changes).toEqual([{ field: 'paused', before: false, after: true }]);
    expect(run).toMatchObject({ actor: 'eve', details: { runId } });
    expect(run).not.toHaveProperty('changes');
    expect(deleted!.changes).toContainEqual({ field: 'args', before: [{ two: 2 }] });
  });

  it('has no entry of runs, nor of tasks that run once and that nobody in particular has asked for', async () => {
    const { scheduler, clock, store } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ id: 'once', handler: 'work' });
    await scheduler.addTask({ id: 'later', handler: 'work', delay: '1h' });
    await scheduler.addTasks([{ handler: 'work' }, { handler: 'work' }]);
    await scheduler.addTask({ handler: 'work', dedupe: { key: 'k', mode: 'debounce', for: '1h' } });
    await scheduler.addTask({ handler: 'work', dedupe: { key: 'k', mode: 'debounce', for: '1h' } });
    clock.advance(7_200_000);
    await settle();
    expect((await store.runs({}, { limit: 10 })).runs).toHaveLength(5);
    expect(await journalOf(scheduler)).toEqual([]);
    await scheduler.addTask({ id: 'asked', handler: 'work', actor: 'ada' });
    await scheduler.addTasks([{ id: 'one', handler: 'work' }], { actor: 'ada', reason: 'by hand' });
    await scheduler.addTasks([{ id: 'hourly', handler: 'work', trigger: HOURLY }]);
    const entries = await journalOf(scheduler);
    expect(kindsOf(entries)).toEqual(['task.added asked', 'task.added one', 'task.added hourly']);
    expect(entries[1]).toMatchObject({ actor: 'ada', reason: 'by hand' });
  });

  it('has entries of what was added or replaced, and none of what was there', async () => {
    const { scheduler } = await createRunning({ work: () => 1, other: () => 2 });
    const task = { id: 'a', handler: 'work', trigger: HOURLY } as const;
    await scheduler.upsertTask({ ...task, actor: 'ada' });
    await scheduler.upsertTask({ ...task, actor: 'ada' });
    await scheduler.upsertTask({ ...task, handler: 'other', actor: 'bob' });
    await expect(scheduler.addTask({ ...task, actor: 'eve' })).rejects.toThrow();
    await scheduler.addTask({ ...task, replaceExisting: true, actor: 'eve' });
    await scheduler.addTasks([task, { ...task, id: 'b' }], { actor: 'joe' });
    await scheduler.addTasks([{ ...task, id: 'b', tags: ['x'], replaceExisting: true }], { actor: 'joe' });
    const dedupe = { key: 'k', mode: 'replace' } as const;
    await scheduler.addTask({ handler: 'work', trigger: HOURLY, dedupe });
    await scheduler.addTask({ handler: 'work', trigger: HOURLY, dedupe, actor: 'kim' });
    const entries = await journalOf(scheduler);
    expect(entries.map(({ kind, taskId, actor }) => `${kind} ${taskId} ${actor}`)).toEqual([
      'task.added a ada',
      'task.updated a bob',
      'task.updated a eve',
      'task.added b joe',
      'task.updated b joe',
      'task.added work~k null',
      'task.updated work~k kim',
    ]);
    expect(entries[1]!.changes).toContainEqual({ field: 'handler', before: 'work', after: 'other' });
    expect(entries[4]!.changes).toContainEqual({ field: 'tags', before: [], after: ['x'] });
  });

  it('has an entry of each task of an operation on many, and one of a removal of all', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const tasks = Array.from({ length: 150 }, (_, n) => ({ id: `t${n}`, handler: 'work', trigger: HOURLY }));
    await scheduler.addTasks(tasks);
    await scheduler.pauseTask('t0');
    await scheduler.pauseTasks({}, { actor: 'ada' });
    await scheduler.resumeTasks({ state: 'paused' }, { actor: 'bob' });
    await scheduler.deleteTasks({ q: 't1' }, { actor: 'eve', reason: 'tidy' });
    const left = 150 - 61;
    await scheduler.removeAllTasks('default', { actor: 'joe' });
    const count = async (actor: string) => (await journalOf(scheduler, { actor, limit: 1_000 })).length;
    expect([await count('ada'), await count('bob'), await count('eve')]).toEqual([149, 150, 61]);
    expect(await journalOf(scheduler, { kind: 'tasks.removed' })).toMatchObject([
      { actor: 'joe', taskId: null, details: { count: left } },
    ]);
  });

  it('has entries of cancelled, redriven and backfilled runs, of drains, rotations and copies', async () => {
    const store = new MemoryStore();
    const { scheduler } = await createRunning(
      { work: () => Promise.reject(new Error('no')) },
      { store, identity: 'me' },
    );
    await scheduler.addTask({ id: 'a', handler: 'work', delay: '1h', trigger: undefined });
    const runId = await scheduler.runTask('a');
    await settle();
    await scheduler.redriveRun(runId, { actor: 'ada' });
    await settle();
    await scheduler.addTask({ id: 'h', handler: 'work', trigger: DAILY });
    const range = { from: START - 3 * 86_400_000, to: START - 1 };
    await scheduler.pauseTask('h');
    const runs = await scheduler.backfillTask('h', { ...range, actor: 'eve' });
    await scheduler.cancelRun(runs[0]!, { actor: 'bob', reason: 'a mistake' });
    await scheduler.drainScheduler('me', { actor: 'kim', reason: 'a deploy' });
    await scheduler.undrainScheduler('me', { actor: 'kim' });
    await scheduler.rotateEncryption('default', { actor: 'joe' });
    await scheduler.addStore('other', new MemoryStore());
    await scheduler.copyTasks('default', 'other', { actor: 'joe', reason: 'a move' });
    const of = (query: JournalQuery) => journalOf(scheduler, { store: 'default', ...query });
    expect(await of({ kind: 'run.redriven' })).toMatchObject([{ taskId: 'a', actor: 'ada', details: { runId } }]);
    expect(await of({ kind: 'task.backfilled' })).toMatchObject([
      { actor: 'eve', details: { runs: runs.length, from: new Date(range.from).toISOString() } },
    ]);
    expect(await of({ actor: 'bob' })).toMatchObject([
      { kind: 'run.cancelled', taskId: 'h', reason: 'a mistake', details: { runId: runs[0] } },
    ]);
    expect(await of({ actor: 'kim' })).toMatchObject([
      { kind: 'scheduler.draining', reason: 'a deploy', details: { identity: 'me' } },
      { kind: 'scheduler.undrained', details: { identity: 'me' } },
    ]);
    expect(await of({ kind: 'store.rotated' })).toMatchObject([{ actor: 'joe', details: { tasks: 2 } }]);
    const [here, there] = [await of({ kind: 'store.copied' }), await journalOf(scheduler, { store: 'other' })];
    expect(here).toMatchObject([
      { actor: 'joe', reason: 'a move', details: { from: 'default', to: 'other', tasks: 2 } },
    ]);
    // What was in the journal goes along.
    expect(there.map(({ kind }) => kind)).toContain('run.redriven');
    expect(there.at(-1)).toMatchObject({ kind: 'store.copied' });
  });

  it('says what a deploy has added, changed and held', async () => {
    const store = new MemoryStore();
    const first = createScheduler({ work: () => 1 }, { store });
    first.scheduler.declareTasks([
      { id: 'a', handler: 'work', trigger: HOURLY },
      { id: 'b', handler: 'work', trigger: HOURLY },
    ]);
    await first.scheduler.start();
    await first.scheduler.shutdown();
    const second = createScheduler({ work: () => 1 }, { store, orphans: 'remove', identity: 'second' });
    second.scheduler.declareTasks([{ id: 'a', handler: 'work', trigger: DAILY }]);
    await second.scheduler.start();
    const entries = await journalOf(second.scheduler);
    expect(kindsOf(entries)).toEqual(['task.added a', 'task.added b', 'task.reconciled a', 'task.deleted b']);
    expect(entries[0]).toMatchObject({ details: { declared: true }, actor: null });
    expect(entries[2]).toMatchObject({ scheduler: 'second', details: { done: ['modified'] } });
    expect(entries[2]!.changes!.map(({ field }) => field)).toContain('trigger');
    expect(entries[3]).toMatchObject({ reason: 'the code no longer declares it' });
    await second.scheduler.shutdown();
    await second.scheduler.start();
    expect(await journalOf(second.scheduler)).toHaveLength(4);
  });

  it('has the entries of what was done before the start, once it is committed', async () => {
    const store = new MemoryStore();
    const task = { handler: 'work', trigger: HOURLY } as const;
    const first = await createRunning({ work: () => 1 }, { store });
    await first.scheduler.addTask({ id: 'taken', ...task });
    await first.scheduler.addTask({ id: 'old', ...task });
    await first.scheduler.shutdown();
    const { scheduler } = createScheduler({ work: () => 1 }, { store, identity: 'second' });
    await scheduler.addTask({ id: 'a', ...task, actor: 'ada' });
    await scheduler.addTask({ id: 'taken', ...task, actor: 'ada' });
    await scheduler.addTask({ id: 'old', ...task, tags: ['x'], replaceExisting: true, actor: 'ada' });
    await scheduler.pauseTask('a', { actor: 'bob' });
    const before = ['task.added a', 'task.added taken', 'task.added old', 'task.paused a'];
    expect(kindsOf(await journalOf(scheduler))).toEqual(before);
    await scheduler.start();
    const entries = await journalOf(scheduler, { scheduler: 'second' });
    const told = entries.map(({ kind, taskId, actor }) => `${kind} ${taskId} ${actor}`);
    expect(new Set(told)).toEqual(new Set(['task.added a ada', 'task.paused a bob', 'task.updated old ada']));
    expect(told).toHaveLength(3);
  });

  it('pages through all stores in one order, and refuses what it does not know', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 });
    await scheduler.addStore('other', new MemoryStore());
    for (let n = 0; n < 7; n += 1) {
      await scheduler.addTask({ id: `t${n}`, handler: 'work', trigger: HOURLY, store: n % 2 ? 'other' : 'default' });
      clock.advance(1);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page: Awaited<ReturnType<typeof scheduler.getJournal>> = await scheduler.getJournal({
        limit: 2,
        ...(cursor !== undefined && { cursor }),
      });
      seen.push(...page.entries.map(({ taskId, store }) => `${taskId} ${store}`));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 7 }, (_, at) => `t${6 - at} ${at % 2 ? 'other' : 'default'}`));
    const odd = { store: 'other', kind: ['task.added', 'task.paused'], from: START + 2, to: START + 5 } as const;
    expect(kindsOf(await journalOf(scheduler, odd))).toEqual(['task.added t3']);
    await expect(scheduler.getJournal({ kind: 'nonsense' as never })).rejects.toThrow(InvalidOptionError);
    await expect(scheduler.getJournal({ limit: 0 })).rejects.toThrow(InvalidOptionError);
    await expect(scheduler.getJournal({ cursor: 'x' })).rejects.toThrow(InvalidOptionError);
    await expect(scheduler.getJournal({ store: 'none' })).rejects.toThrow(UnknownNameError);
    await expect(scheduler.getJournal({ kinds: [] } as never)).rejects.toThrow(UnknownOptionError);
    await expect(scheduler.deleteTasks({ q: 't' }, { actor: 7 as never })).rejects.toThrow(InvalidOptionError);
  });
});
