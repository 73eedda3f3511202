import { describe, expect, it } from 'vitest';
import type { DeclaredTask, MemoryStore, SchedulerOptions } from 'nestjs-asyncz';
import { MemoryStore as Store } from 'nestjs-asyncz';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { createScheduler, START } from '../../../support/scheduler.factory.js';

const every = (minutes: number, more: object = {}): DeclaredTask => ({
  id: 'sweep',
  handler: 'sweep',
  trigger: { type: 'interval', minutes },
  ...more,
});

/** What a deploy does: the same store, the code as it now is, a while later. */
async function deploy(store: MemoryStore, declared: DeclaredTask[], afterMs: number, options: SchedulerOptions = {}) {
  const { scheduler, clock } = createScheduler({ sweep: () => 1, other: () => 2 }, { ...options, store });
  clock.set(START + afterMs);
  scheduler.declareTasks(declared);
  const events = recordEvents(scheduler);
  await scheduler.start();
  return { scheduler, clock, events: events.filter(({ name }) => name.startsWith('task.')).map(({ name }) => name) };
}

const nextOf = (store: MemoryStore) => store.lookupTask('sweep')!.state.nextRunTime! - START;

describe('reconciling declared tasks', () => {
  it('adds a new one, and keeps the next run time of one that is declared as before', async () => {
    const store = new Store();
    const first = await deploy(store, [every(10)], 0);
    expect(first.events).toEqual(['task.added']);
    await first.scheduler.shutdown();
    const second = await deploy(store, [every(10)], 4 * 60_000);
    expect(second.events).toEqual([]);
    expect(nextOf(store)).toBe(600_000);
  });

  it('reschedules one whose trigger the code has changed', async () => {
    const store = new Store();
    await (await deploy(store, [every(10)], 0)).scheduler.shutdown();
    const { events } = await deploy(store, [every(30)], 60_000);
    expect(events).toEqual(['task.modified']);
    expect(nextOf(store)).toBe(31 * 60_000);
  });

  it('does not run a time again that the old trigger had reached at the moment of the deploy', async () => {
    const store = new Store();
    const from = { startAt: new Date(START + 600_000) };
    const sweep = (minutes: number) => every(minutes, { trigger: { type: 'interval', minutes, ...from } });
    const first = await deploy(store, [sweep(10)], 0);
    const ran = nextEvent(first.scheduler, 'run.succeeded');
    first.clock.advance(600_000);
    expect(await ran).toMatchObject({ scheduledTime: from.startAt });
    await first.scheduler.shutdown();
    await deploy(store, [sweep(30)], 600_000);
    expect(nextOf(store)).toBe(40 * 60_000);
  });

  it('applies a changed option and leaves the schedule alone', async () => {
    const store = new Store();
    await (await deploy(store, [every(10)], 0)).scheduler.shutdown();
    await deploy(store, [every(10, { priority: 5 })], 60_000);
    expect(nextOf(store)).toBe(600_000);
    expect(store.lookupTask('sweep')!.definition.policies.priority).toBe(5);
  });

  it('reschedules one that names no zone when the time zone of the scheduler is changed', async () => {
    const store = new Store();
    const daily = every(0, { trigger: { type: 'cron', expression: '0 9 * * *' } });
    const inLisbon = { type: 'cron', expression: '0 9 * * *', timezone: 'Europe/Lisbon' } as const;
    const named = every(0, { id: 'named', trigger: inLisbon });
    await (await deploy(store, [daily, named], 0)).scheduler.shutdown();
    const before = store.lookupTask('named');
    const { events } = await deploy(store, [daily, named], 60_000, { timezone: 'Asia/Tokyo' });
    expect(events).toEqual(['task.modified']);
    // Nine in the morning there is midnight here.
    expect(nextOf(store)).toBe(12 * 3_600_000);
    expect(store.lookupTask('sweep')!.definition.trigger).toMatchObject({ timezone: 'Asia/Tokyo' });
    expect(store.lookupTask('named')).toEqual(before);
  });

  it('applies changed defaults of the scheduler to what does not set them, and nothing else', async () => {
    const store = new Store();
    const tasks = [every(10, { timeout: '5s' }), every(10, { id: 'own', retry: 1 })];
    const { scheduler } = await deploy(store, tasks, 0);
    await scheduler.updateTask('sweep', { priority: 7, name: 'renamed' });
    await scheduler.shutdown();
    const taskDefaults = { retry: 3, timeout: '1m', misfireGraceTime: '1h', priority: 0 } as const;
    const { events } = await deploy(store, tasks, 60_000, { taskDefaults });
    expect(events).toEqual(['task.modified', 'task.modified']);
    expect(store.lookupTask('sweep')!.definition).toMatchObject({
      name: 'renamed',
      policies: { retry: { attempts: 3 }, timeoutMs: 5_000, misfireGraceMs: 3_600_000, priority: 7 },
    });
    expect(store.lookupTask('own')!.definition.policies).toMatchObject({ retry: { attempts: 1 }, timeoutMs: 60_000 });
    expect(nextOf(store)).toBe(600_000);
  });

  it('takes an option that the code changes from what an operator made of it, and leaves the others', async () => {
    const store = new Store();
    const { scheduler } = await deploy(store, [every(10, { tags: ['a'], priority: 1 })], 0);
    await scheduler.updateTask('sweep', { priority: 7, tags: ['edited'] });
    await scheduler.shutdown();
    await deploy(store, [every(10, { tags: ['b'], priority: 1 })], 60_000);
    expect(store.lookupTask('sweep')!.definition).toMatchObject({ tags: ['b'], policies: { priority: 7 } });
  });

  it('takes the same declaration, said in another way, for the same', async () => {
    const store = new Store();
    const large = { args: [{ a: 1n, b: new Map([[1, new Set(['x'])]]) }] };
    await (await deploy(store, [every(10, large)], 0)).scheduler.shutdown();
    const again = { args: [{ b: new Map([[1, new Set(['x'])]]), a: 1n }], trigger: { type: 'interval', every: '10m' } };
    const second = await deploy(store, [every(10, again)], 60_000);
    expect(second.events).toEqual([]);
    await second.scheduler.shutdown();
    expect((await deploy(store, [every(10, { args: [{ a: 2n }] })], 60_000)).events).toEqual(['task.modified']);
  });

  it("lets an operator's pause and edit survive a deploy that does not touch them", async () => {
    const store = new Store();
    const { scheduler } = await deploy(store, [every(10)], 0);
    await scheduler.pauseTask('sweep', { actor: 'ann' });
    await scheduler.rescheduleTask('sweep', { type: 'interval', hours: 2 });
    await scheduler.shutdown();
    const { events } = await deploy(store, [every(10)], 60_000);
    expect(events).toEqual([]);
    expect(store.lookupTask('sweep')).toMatchObject({
      state: { pause: { actor: 'ann' } },
      definition: { trigger: { type: 'interval' } },
    });
    expect(nextOf(store)).toBe(2 * 3_600_000);
  });

  it('reports one that is no longer declared, and pauses or removes it only when told to', async () => {
    const store = new Store();
    await (await deploy(store, [every(10)], 0)).scheduler.shutdown();
    const reported = await deploy(store, [], 1_000);
    expect(reported.events).toEqual(['task.orphaned']);
    expect(store.lookupTask('sweep')!.state.pause).toBeNull();
    await reported.scheduler.shutdown();
    await (await deploy(store, [], 2_000, { orphans: 'pause' })).scheduler.shutdown();
    expect(store.lookupTask('sweep')!.state.pause).toMatchObject({ reason: 'the code no longer declares it' });
    await deploy(store, [], 3_000, { orphans: 'remove' });
    expect(store.lookupTask('sweep')).toBeNull();
  });

  it('does not take tasks of the run time for orphans', async () => {
    const store = new Store();
    const { scheduler } = await deploy(store, [], 0);
    await scheduler.addTask({ id: 'mine', handler: 'other', trigger: { type: 'interval', hours: 1 } });
    await scheduler.shutdown();
    expect((await deploy(store, [], 1_000, { orphans: 'remove' })).events).toEqual([]);
    expect(store.lookupTask('mine')).not.toBeNull();
  });

  it('keeps the application starting when a window of the code has passed', async () => {
    const store = new Store();
    const declared = every(10, { trigger: { type: 'interval', minutes: 10, endAt: '2020-01-01T00:00:00Z' } });
    await deploy(store, [declared], 0);
    expect(store.lookupTask('sweep')!.state).toMatchObject({ exhausted: true, nextRunTime: null });
  });

  it('refuses to start when a declared task is for a store that is not there', async () => {
    await expect(deploy(new Store(), [every(10, { store: 'nowhere' })], 0)).rejects.toThrow(/"nowhere".*"default"/);
  });
});
