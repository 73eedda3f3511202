import { expect, it } from 'vitest';
import { MemoryStore } from 'nestjs-asyncz';
import type { Scheduler } from 'nestjs-asyncz';
import { SCHEDULER_SETTINGS } from '../../../../lib/scheduler/scheduler.options.js';
import { CHANGE_TASK_OPTIONS } from '../../../../lib/scheduler/tasks/control.options.js';
import { ASKED_OPTIONS, CHANGE_OPTIONS } from '../../../../lib/scheduler/tasks/task.options.js';
import { createRunning, START } from '../../../support/scheduler.factory.js';

const HOUR_MS = 3_600_000;

type Call = (scheduler: Scheduler, options: never) => unknown;

/** Every call that takes options, with options that it takes. */
const CALLS: Record<string, [Call, object]> = {
  addTask: [(s, o) => s.addTask(o), { handler: 'work' }],
  'updateTask (changes)': [(s, o) => s.updateTask('task', o), { name: 'new' }],
  updateTask: [(s, o) => s.updateTask('task', { name: 'new' }, o), { store: 'default' }],
  rescheduleTask: [(s, o) => s.rescheduleTask('task', { type: 'interval', hours: 2 }, o), { store: 'default' }],
  pauseTask: [(s, o) => s.pauseTask('task', o), { actor: 'me', reason: 'why', store: 'default' }],
  resumeTask: [(s, o) => s.resumeTask('task', o), { actor: 'me', reason: 'why', store: 'default' }],
  deleteTask: [(s, o) => s.deleteTask('other', o), { store: 'default', transaction: undefined }],
  runTask: [
    (s, o) => s.runTask('task', o),
    { actor: 'me', reason: 'why', store: 'default', wait: false, timeout: '1s' },
  ],
  waitForRun: [(s, o) => s.waitForRun('done', o), { store: 'default', timeout: '1s' }],
  waitForTask: [(s, o) => s.waitForTask('task', o), { store: 'default', timeout: 0 }],
  getRun: [(s, o) => s.getRun('run', o), { store: 'default' }],
  upsertTask: [(s, o) => s.upsertTask(o), { id: 'other', handler: 'work', trigger: { type: 'interval', hours: 1 } }],
  backfillTask: [(s, o) => s.backfillTask('task', o), { from: START - HOUR_MS, to: START, actor: 'me' }],
  cancelRun: [(s, o) => s.cancelRun('run', o), { actor: 'me', reason: 'why', store: 'default' }],
  redriveRun: [(s, o) => s.redriveRun('run', o), { actor: 'me', reason: 'why', store: 'default' }],
  getTask: [(s, o) => s.getTask('task', o), { store: 'default' }],
  getTaskInfo: [(s, o) => s.getTaskInfo('task', o), { store: 'default' }],
  getTasks: [(s, o) => s.getTasks(o), { state: 'scheduled' }],
  getTaskInfos: [(s, o) => s.getTaskInfos(o), { tag: 'x', limit: 5, q: '' }],
  previewTaskRuns: [(s, o) => s.previewTaskRuns('task', o), { count: 2 }],
  getRuns: [(s, o) => s.getRuns(o), { status: 'failed', source: 'manual', dead: true }],
  drainScheduler: [(s, o) => s.drainScheduler('me', o), { actor: 'me', wait: false }],
  rotateEncryption: [(s, o) => s.rotateEncryption('default', o), {}],
  copyTasks: [(s, o) => s.copyTasks('default', 'second', o), {}],
  'a task: pause': [async (s, o) => (await s.getTask('task'))!.pause(o), { actor: 'me' }],
  'a task: run': [async (s, o) => (await s.getTask('task'))!.run(o), { actor: 'me' }],
};

async function running() {
  const { scheduler, store } = await createRunning({ work: () => {} }, { identity: 'me' });
  await scheduler.addStore('second', new MemoryStore());
  await scheduler.addTask({ id: 'task', handler: 'work', trigger: { type: 'cron', expression: '0 * * * *' } });
  await scheduler.addTask({ id: 'other', handler: 'work', trigger: { type: 'interval', hours: 1 } });
  const runId = await scheduler.runTask('other');
  await scheduler.waitForRun(runId);
  return { scheduler, store };
}

const codeOf = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
  return 'done';
};

it.each(Object.entries(CALLS))(
  '%s refuses an option that it has not, and changes nothing',
  async (_name, [call, given]) => {
    const { scheduler, store } = await running();
    const events: string[] = [];
    scheduler.addListener(({ name }) => events.push(name));
    const before = store.getAllTasks();
    const wrong = { ...given, transactoin: {} } as never;
    const error: unknown = await Promise.resolve()
      .then(() => call(scheduler, wrong))
      .then(
        () => 'done',
        (reason: unknown) => reason,
      );
    expect(error).toMatchObject({ code: 'ASYNCZ_UNKNOWN_OPTION', option: 'transactoin' });
    expect((error as Error).message).toContain('Allowed: ');
    expect(store.getAllTasks()).toEqual(before);
    expect(events).toEqual([]);
  },
);

it.each(Object.entries(CALLS))('%s refuses options that are none', async (name, [call]) => {
  const { scheduler } = await running();
  // A method of a task spreads its options, and null has none to spread.
  const none = name.startsWith('a task') ? [] : [null];
  for (const options of [...none, ...(name.startsWith('a task') ? [] : ['text', 7, () => {}])]) {
    expect(await codeOf(() => call(scheduler, options as never)), String(options)).toBe('ASYNCZ_INVALID_OPTION');
  }
});

it.each(Object.entries(CALLS))('%s takes the options that it has', async (_name, [call, given]) => {
  const { scheduler } = await running();
  const outcome = await codeOf(() => call(scheduler, given as never));
  expect(['done', 'ASYNCZ_RUN_NOT_FOUND', 'ASYNCZ_TASK_WAIT_TIMEOUT']).toContain(outcome);
});

it.each<[string, Call, object]>([
  ['a status that no run has', (s, o) => s.getRuns(o), { status: 'success' }],
  ['a source that no run has', (s, o) => s.getRuns(o), { source: 'cron' }],
  ['dead that is text', (s, o) => s.getRuns(o), { dead: 'true' }],
  ['a run id that is a number', (s, o) => s.getRuns(o), { runId: 7 }],
  ['a cursor that is a number', (s, o) => s.getRuns(o), { cursor: 7 }],
  ['a state that no task has', (s, o) => s.getTaskInfos(o), { state: 'ready' }],
  ['a tag that is a list', (s, o) => s.getTaskInfos(o), { tag: ['a'] }],
  ['a sort key that there is not', (s, o) => s.getTasks(o), { sortBy: 'age' }],
  ['descending that is text', (s, o) => s.getTasks(o), { descending: 'no' }],
  ['a store that is null', (s, o) => s.getTask('task', o), { store: null }],
  ['wait that is text', (s, o) => s.runTask('task', o), { wait: 'yes' }],
  ['a timeout that is none', (s, o) => s.runTask('task', o), { timeout: 'soon' }],
  ['a signal that is none', (s, o) => s.runTask('task', o), { wait: true, signal: {} }],
  ['a run to look at that is none', (s) => s.getRun(7 as never), {}],
  ['an actor that is a number', (s, o) => s.pauseTask('task', o), { actor: 7 }],
  ['no id', (s, o) => s.getTask(undefined as never, o), {}],
  ['null for a task', (s, o) => s.pauseTask(null as never, o), {}],
  ['an object without an id', (s, o) => s.runTask({} as never, o), {}],
  ['an id of the scheduler itself', (s, o) => s.deleteTask('asyncz:members', o), {}],
])('a call with %s is refused', async (_what, call, options) => {
  const { scheduler, store } = await running();
  const before = store.getAllTasks();
  expect(await codeOf(() => call(scheduler, options as never))).toBe('ASYNCZ_INVALID_OPTION');
  expect(store.getAllTasks()).toEqual(before);
});

it('a change in a transaction is refused where the store has none, and is not done outside of it', async () => {
  const { scheduler, store } = await running();
  const before = store.getAllTasks();
  for (const change of [
    () => scheduler.updateTask('task', { name: 'new' }, { transaction: {} }),
    () => scheduler.rescheduleTask('task', { type: 'interval', hours: 2 }, { transaction: {} }),
  ]) {
    await expect(change()).rejects.toMatchObject({ code: 'ASYNCZ_INVALID_OPTION', option: 'transaction' });
  }
  expect(store.getAllTasks()).toEqual(before);
});

it('a backfill of the future is refused, and until now means until now', async () => {
  const { scheduler } = await running();
  for (const to of [START + 2 * HOUR_MS, START + 61_000]) {
    const error = await codeOf(() => scheduler.backfillTask('task', { from: START - 2 * HOUR_MS, to }));
    expect(error).toBe('ASYNCZ_INVALID_OPTION');
  }
  const ids = await scheduler.backfillTask('task', { from: START - 2 * HOUR_MS, to: START + 59_000 });
  const times = [START - 2 * HOUR_MS, START - HOUR_MS, START];
  expect(ids).toEqual(times.map((time) => `task@${new Date(time).toISOString()}#backfill`));
});

it('an option that is undefined counts as left out', async () => {
  const without = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, undefined]));
  const { scheduler } = await createRunning({ work: () => {} }, without(SCHEDULER_SETTINGS));
  const plain = await scheduler.addTask({ id: 'plain', handler: 'work', delay: '1h' });
  const odd = await scheduler.addTask({ ...without(ASKED_OPTIONS), id: 'odd', handler: 'work', delay: '1h' });
  expect({ ...odd.info, id: 'plain' }).toEqual(plain.info);
  const changed = await scheduler.updateTask(
    'odd',
    { ...without(CHANGE_OPTIONS), name: 'work' },
    without(CHANGE_TASK_OPTIONS),
  );
  expect({ ...changed.info, version: 1 }).toEqual({ ...odd.info, version: 1 });
});
