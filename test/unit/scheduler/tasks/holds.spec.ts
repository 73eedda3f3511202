import { describe, expect, it } from 'vitest';
import { createTrigger, InvalidTaskStateError, MemoryStore } from 'nestjs-asyncz';
import type { DeclaredTask, Handler, SchedulerOptions } from 'nestjs-asyncz';
import { recordEvents } from '../../../support/events.js';
import { createScheduler, settle, START } from '../../../support/scheduler.factory.js';

const MINUTE = 60_000;

const sweep = (more: Partial<DeclaredTask> = {}): DeclaredTask => ({
  id: 'sweep',
  handler: 'sweep',
  trigger: { type: 'interval', minutes: 10 },
  ...more,
});

/** One application whose code is deployed again and again on the same store. */
class Application {
  readonly store = new MemoryStore();
  readonly warnings: string[] = [];
  /** The times of the runs, in minutes since the first deploy. */
  ran: number[] = [];
  #stop: () => Promise<void> = async () => {};

  constructor(private readonly work: Handler = () => {}) {}

  /** Stops what runs and starts the code as it now is. */
  async deploy(declared: DeclaredTask[], afterMinutes: number, options: SchedulerOptions = {}) {
    await this.#stop();
    const logger = { debug() {}, info() {}, error() {}, warn: (text: string) => void this.warnings.push(text) };
    const { store } = this;
    const { scheduler, clock } = createScheduler(
      {
        sweep: (args, context) => {
          this.ran.push((clock.now() - START) / MINUTE);
          return this.work(args, context);
        },
      },
      { ...options, store, logger },
    );
    this.#stop = () => scheduler.shutdown();
    clock.set(START + afterMinutes * MINUTE);
    scheduler.declareTasks(declared);
    const events = recordEvents(scheduler);
    await scheduler.start();
    // What was due is over before the clock goes on.
    await settle();
    const pass = async (minutes: number) => {
      for (let minute = 0; minute < minutes; minute += 1) {
        clock.advance(MINUTE);
        await settle();
      }
    };
    const names = events.map(({ name }) => name).filter((name) => name.startsWith('task.') && name !== 'task.added');
    return { scheduler, pass, events: names };
  }
}

describe('a task that the code disables', () => {
  it('stops although it is stored, is shown as disabled, and goes on by its schedule when it is enabled again', async () => {
    const app = new Application();
    const first = await app.deploy([sweep()], 0);
    await first.pass(25);
    expect(app.ran).toEqual([10, 20]);
    const off = await app.deploy([sweep({ disabled: true })], 26);
    expect(off.events).toEqual(['task.disabled']);
    await off.pass(120);
    expect(app.ran).toEqual([10, 20]);
    expect(await off.scheduler.getTaskInfo('sweep')).toMatchObject({
      state: 'disabled',
      disabled: true,
      paused: false,
    });
    expect((await off.scheduler.getTaskInfos({ state: 'disabled' })).total).toBe(1);
    expect((await off.scheduler.getTaskInfos({ state: 'scheduled' })).total).toBe(0);
    expect(app.warnings).toEqual([]);
    // Nothing has changed since.
    expect((await app.deploy([sweep({ disabled: true })], 150)).events).toEqual([]);
    const on = await app.deploy([sweep()], 155);
    expect(on.events).toEqual(['task.enabled']);
    // What was due meanwhile is dropped, with nothing to catch up.
    expect(app.store.lookupTask('sweep')!.state.nextRunTime).toBe(START + 160 * MINUTE);
    await on.pass(20);
    expect(app.ran).toEqual([10, 20, 160, 170]);
    expect(await on.scheduler.getTaskInfo('sweep')).toMatchObject({ state: 'scheduled', disabled: false });
  });

  it('runs nothing that a person asks for, and says why', async () => {
    const app = new Application();
    await app.deploy([sweep()], 0);
    const { scheduler, pass } = await app.deploy([sweep({ disabled: true })], 1);
    await expect(scheduler.runTask('sweep')).rejects.toThrow(/"sweep" cannot be run: the code has disabled it/);
    const range = { from: new Date(START - 60 * MINUTE), to: new Date(START) };
    await expect(scheduler.backfillTask('sweep', range)).rejects.toBeInstanceOf(InvalidTaskStateError);
    await pass(2);
    expect(app.ran).toEqual([]);
  });

  it('holds a retry that waits, and runs it when it is enabled again', async () => {
    const app = new Application((_args, { attempt }) => {
      if (attempt === 1) throw new Error('not yet');
    });
    const retry = { attempts: 2, backoff: 'fixed', delay: '5m' } as const;
    const first = await app.deploy([sweep({ retry })], 0);
    await first.pass(11);
    expect(app.ran).toEqual([10]);
    const off = await app.deploy([sweep({ retry, disabled: true })], 12);
    await off.pass(60);
    expect(app.ran).toEqual([10]);
    const on = await app.deploy([sweep({ retry })], 75);
    await on.pass(1);
    expect(app.ran).toEqual([10, 75]);
  });

  it('keeps the pause of an operator while it is disabled and after', async () => {
    const app = new Application();
    const { scheduler } = await app.deploy([sweep()], 0);
    await scheduler.pauseTask('sweep', { actor: 'ann', reason: 'maintenance' });
    await app.deploy([sweep({ disabled: true })], 1);
    const on = await app.deploy([sweep()], 30);
    await on.pass(30);
    expect(app.ran).toEqual([]);
    expect(await on.scheduler.getTaskInfo('sweep')).toMatchObject({
      state: 'paused',
      disabled: false,
      pause: { actor: 'ann', byCode: false },
    });
  });

  it('stays disabled when an operator resumes or edits it', async () => {
    const app = new Application();
    await app.deploy([sweep()], 0);
    const { scheduler, pass } = await app.deploy([sweep({ disabled: true })], 1);
    await scheduler.pauseTask('sweep');
    expect(await scheduler.resumeTask('sweep')).toMatchObject({ state: 'disabled' });
    await scheduler.rescheduleTask('sweep', { type: 'interval', minutes: 1 });
    await pass(5);
    expect(app.ran).toEqual([]);
  });

  it('does not run at the start or the stop of a scheduler', async () => {
    const app = new Application();
    const tasks = (['startup', 'shutdown'] as const).map((type) =>
      sweep({ id: type, trigger: createTrigger({ type }) }),
    );
    await app.deploy(tasks, 0);
    await settle();
    const off = await app.deploy(
      tasks.map((task) => ({ ...task, disabled: true })),
      1,
    );
    app.ran = [];
    await settle();
    await off.scheduler.shutdown();
    expect(app.ran).toEqual([]);
  });

  it('needs no valid options, is no orphan, and is not added', async () => {
    const app = new Application();
    await app.deploy([sweep()], 0);
    const broken = { id: 'sweep', handler: 'gone', trigger: { type: 'cron', expression: undefined }, disabled: true };
    const { events } = await app.deploy([broken as never, sweep({ id: 'new', disabled: true })], 1, {
      orphans: 'remove',
    });
    expect(events).toEqual(['task.disabled']);
    expect(app.store.lookupTask('new')).toBeNull();
  });
});

describe('a task that the code declares as paused', () => {
  it('stops although it is stored, and goes on when it is not declared so any more', async () => {
    const app = new Application();
    await app.deploy([sweep()], 0);
    const held = await app.deploy([sweep({ paused: true })], 5);
    expect(held.events).toEqual(['task.paused']);
    await held.pass(30);
    expect(app.ran).toEqual([]);
    expect(await held.scheduler.getTaskInfo('sweep')).toMatchObject({
      state: 'paused',
      pause: { byCode: true, actor: null, reason: 'the code declares it as paused' },
    });
    const on = await app.deploy([sweep()], 36);
    expect(on.events).toEqual(['task.resumed']);
    await on.pass(10);
    expect(app.ran).toEqual([40]);
  });

  it('stays resumed when an operator has resumed it, through deploys that do not change it', async () => {
    const app = new Application();
    const first = await app.deploy([sweep({ paused: true })], 0);
    await first.scheduler.resumeTask('sweep', { actor: 'ann' });
    const { events, pass } = await app.deploy([sweep({ paused: true })], 5);
    expect(events).toEqual([]);
    await pass(10);
    expect(app.ran).toEqual([10]);
  });

  it('keeps the pause of an operator when the code declares it as not paused any more', async () => {
    const app = new Application();
    const { scheduler } = await app.deploy([sweep({ paused: true })], 0);
    await scheduler.resumeTask('sweep');
    await scheduler.pauseTask('sweep', { actor: 'ann' });
    await app.deploy([sweep()], 5);
    expect(app.store.lookupTask('sweep')!.state.pause).toMatchObject({ actor: 'ann' });
  });
});

describe('a task that has left the code', () => {
  it('goes on when the code declares it again after it was paused for that', async () => {
    const app = new Application();
    await app.deploy([sweep()], 0);
    const gone = await app.deploy([], 1, { orphans: 'pause' });
    expect(gone.events).toEqual(['task.orphaned', 'task.paused']);
    const back = await app.deploy([sweep()], 15);
    expect(back.events).toEqual(['task.resumed']);
    await back.pass(6);
    expect(app.ran).toEqual([20]);
  });

  it('is not warned about once it is done', async () => {
    const app = new Application();
    const { pass } = await app.deploy([sweep({ trigger: { type: 'date' } })], 0);
    await pass(1);
    expect(app.ran).toHaveLength(1);
    expect((await app.deploy([], 5)).events).toEqual([]);
    expect(app.warnings).toEqual([]);
    expect((await app.deploy([], 6, { orphans: 'remove' })).events).toEqual(['task.orphaned']);
    expect(app.store.lookupTask('sweep')).toBeNull();
  });
});
