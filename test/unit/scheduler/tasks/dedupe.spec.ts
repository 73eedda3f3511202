import { describe, expect, it } from 'vitest';
import { InvalidOptionError, MemoryStore, TaskConflictError, UnknownOptionError } from 'nestjs-asyncz';
import type { DedupeOptions, Scheduler, TaskContext } from 'nestjs-asyncz';
import type { AskedTask } from '../../../../lib/scheduler/tasks/asked.task.js';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { createRunning, createScheduler, settle, START } from '../../../support/scheduler.factory.js';
import { HOURLY } from '../../../support/task.factory.js';

const MINUTE = 60_000;

/** A handler that notes what it gets, and ends when it is told. */
function gated() {
  const calls: unknown[] = [];
  const ends: (() => void)[] = [];
  return {
    calls,
    handler: ([value]: readonly unknown[]) => {
      calls.push(value);
      return new Promise<void>((resolve) => ends.push(resolve));
    },
    end: async () => {
      ends.shift()!();
      await settle();
    },
  };
}

/** A handler that notes what it gets. */
function noted() {
  const calls: unknown[] = [];
  return { calls, handler: ([value]: readonly unknown[]) => void calls.push(value) };
}

const asked = (value: unknown, dedupe: Partial<DedupeOptions> = {}): AskedTask => ({
  handler: 'work',
  args: [value],
  dedupe: { key: 'customer', ...dedupe },
});

async function runsAt(scheduler: Scheduler): Promise<(number | null)[]> {
  const { tasks } = await scheduler.getTaskInfos();
  return tasks.map(({ nextRunTime }) => (nextRunTime === null ? null : nextRunTime.getTime() - START));
}

describe('a task with dedupe: skip', () => {
  it('is not added while the one of its key waits or runs, and is added after it', async () => {
    const { calls, handler, end } = gated();
    const { scheduler, clock } = await createRunning({ work: handler });
    const first = await scheduler.addTask({ ...asked(1), delay: '1m' });
    const second = await scheduler.addTask(asked(2));
    expect(second.id).toBe(first.id);
    expect(second.args).toEqual([1]);
    clock.advance(MINUTE);
    await settle();
    expect(calls).toEqual([1]);
    await scheduler.addTask(asked(3));
    await end();
    await scheduler.addTask(asked(4));
    await settle();
    expect(calls).toEqual([1, 4]);
    await end();
    expect(await runsAt(scheduler)).toEqual([]);
  });

  it('is told apart by handler and key, whatever is in them', async () => {
    const { scheduler } = await createRunning({ 'a~b': () => 1, a: () => 1 });
    const ids = new Set<string>();
    for (const [handler, key] of [
      ['a', 'b~c'],
      ['a~b', 'c'],
      ['a', 'b%7Ec'],
      ['a', 'b'],
      ['a', 'ü €'],
    ])
      ids.add((await scheduler.addTask({ handler: handler!, delay: '1h', dedupe: { key: key! } })).id);
    expect(ids.size).toBe(5);
    expect(ids).toContain('a~b');
  });

  it('is one of many in a list, which says what became of each', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    await scheduler.addTask({ ...asked(0, { key: 'b' }), delay: '1h' });
    const list = ['a', 'b', 'c'].map((key) => ({ ...asked(1, { key }), delay: '1h' }));
    expect(await scheduler.addTasks(list)).toEqual({
      added: ['work~a', 'work~c'],
      replaced: [],
      existing: ['work~b'],
    });
    const replacing = list.map((task) => ({ ...task, dedupe: { key: task.dedupe!.key, mode: 'replace' as const } }));
    expect(await scheduler.addTasks([...replacing, { id: 'plain', handler: 'work', delay: '1h' }])).toEqual({
      added: ['plain'],
      replaced: ['work~a', 'work~b', 'work~c'],
      existing: [],
    });
    await expect(scheduler.addTasks([asked(1), asked(2)])).rejects.toThrow(/an id that only one of the tasks has/);
  });
});

describe('a task with dedupe: replace', () => {
  it('takes the place of what waits, with its own time', async () => {
    const { calls, handler } = noted();
    const { scheduler, clock } = await createRunning({ work: handler });
    const events = recordEvents(scheduler);
    await scheduler.addTask({ ...asked(1, { mode: 'replace' }), delay: '1m' });
    await scheduler.addTask({ ...asked(2, { mode: 'replace' }), delay: '2m' });
    expect(await runsAt(scheduler)).toEqual([2 * MINUTE]);
    clock.advance(3 * MINUTE);
    await settle();
    expect(calls).toEqual([2]);
    expect(events.map(({ name }) => name).slice(0, 2)).toEqual(['task.added', 'task.modified']);
  });

  it('runs after one that is under way, once, with what was asked for last', async () => {
    const { calls, handler, end } = gated();
    const { scheduler } = await createRunning({ work: handler });
    await scheduler.addTask(asked(1, { mode: 'replace' }));
    await settle();
    for (const value of [2, 3, 4]) await scheduler.addTask(asked(value, { mode: 'replace' }));
    await settle();
    expect(calls).toEqual([1]);
    await scheduler.addTask(asked(5, { mode: 'replace' }));
    await end();
    expect(calls).toEqual([1, 5]);
    await end();
    expect(await runsAt(scheduler)).toEqual([]);
    expect((await scheduler.getRuns()).runs.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
  });
});

describe('a task with dedupe: debounce', () => {
  it('runs once nobody has asked for as long as said, with what was asked for last', async () => {
    const { calls, handler } = noted();
    const { scheduler, clock } = await createRunning({ work: handler });
    for (const value of [1, 2, 3]) {
      await scheduler.addTask(asked(value, { mode: 'debounce', for: '1m' }));
      clock.advance(MINUTE - 1);
      await settle();
    }
    expect(calls).toEqual([]);
    const { tasks } = await scheduler.getTaskInfos();
    expect(tasks).toMatchObject([{ trigger: { runAt: new Date(START + 3 * MINUTE - 2).toISOString() } }]);
    clock.advance(1);
    await settle();
    expect(calls).toEqual([3]);
    expect(await runsAt(scheduler)).toEqual([]);
  });

  it('never moves one that runs: what is asked for meanwhile is another run', async () => {
    for (const runningFor of [1, 10_000]) {
      const { calls, handler, end } = gated();
      const { scheduler, clock } = await createRunning({ work: handler });
      await scheduler.addTask(asked(1, { mode: 'debounce', for: '1m' }));
      clock.advance(MINUTE);
      await settle();
      // At first the run stands in the lease of its task only.
      clock.advance(runningFor);
      await settle();
      expect(calls).toEqual([1]);
      await scheduler.addTask(asked(2, { mode: 'debounce', for: '1m' }));
      await scheduler.addTask(asked(3, { mode: 'debounce', for: '1m' }));
      await end();
      clock.advance(MINUTE);
      await settle();
      expect(calls).toEqual([1, 3]);
      await end();
      const { runs } = await scheduler.getRuns();
      expect(runs.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
      expect(new Set(runs.map(({ id }) => id)).size).toBe(2);
      expect(await runsAt(scheduler)).toEqual([]);
    }
  });

  it('leaves the pause of an operator', async () => {
    const { calls, handler } = noted();
    const { scheduler, clock } = await createRunning({ work: handler });
    const { id } = await scheduler.addTask(asked(1, { mode: 'debounce', for: '1m' }));
    await scheduler.pauseTask(id, { actor: 'ada' });
    const moved = await scheduler.addTask(asked(2, { mode: 'debounce', for: '1m' }));
    expect(moved.info).toMatchObject({ paused: true, pause: { actor: 'ada' }, args: [2] });
    clock.advance(5 * MINUTE);
    await settle();
    expect(calls).toEqual([]);
  });
});

describe('a task with dedupe: throttle', () => {
  it('lets one through in each window, whether or not it has run by then', async () => {
    const { calls, handler } = noted();
    const { scheduler, clock } = await createRunning({ work: handler });
    // Every ten seconds for three minutes: one in each minute.
    for (let second = 0; second < 180; second += 10) {
      await scheduler.addTask(asked(second, { mode: 'throttle', for: '1m' }));
      await settle();
      clock.advance(10_000);
    }
    expect(calls).toEqual([0, 60, 120]);
  });

  it('drops what is asked for while an earlier one waits, and queues behind one that runs', async () => {
    const { calls, handler, end } = gated();
    const { scheduler, clock } = await createRunning({ work: handler });
    await scheduler.addTask({ ...asked(1, { mode: 'throttle', for: '1m' }), delay: '2m' });
    clock.advance(MINUTE + 1);
    expect((await scheduler.addTask(asked(2, { mode: 'throttle', for: '1m' }))).args).toEqual([1]);
    clock.advance(2 * MINUTE);
    await settle();
    expect(calls).toEqual([1]);
    await scheduler.addTask(asked(3, { mode: 'throttle', for: '1m' }));
    await end();
    expect(calls).toEqual([1, 3]);
    await end();
  });

  it('leaves nothing behind when the window is over', async () => {
    const { handler } = noted();
    const { scheduler, clock, store } = await createRunning({ work: handler });
    await scheduler.addTask(asked(1, { mode: 'throttle', for: '1m' }));
    await settle();
    expect((await scheduler.getTaskInfos()).tasks).toMatchObject([{ state: 'finished' }]);
    const removed = nextEvent(scheduler, 'task.removed');
    for (let minute = 0; minute < 12; minute += 1) {
      clock.advance(MINUTE);
      await settle();
    }
    expect(await removed).toMatchObject({ taskId: 'work~customer', reason: 'finished' });
    expect(store.getAllTasks().filter(({ id }) => id.startsWith('work'))).toEqual([]);
    // One that is longer under way than its window goes with its end.
    const long = gated();
    scheduler.registerHandler('long', long.handler);
    await scheduler.addTask({ handler: 'long', dedupe: { key: 'k', mode: 'throttle', for: '1s' } });
    await settle();
    clock.advance(2_000);
    await long.end();
    expect(await scheduler.getTaskInfo('long~k')).toBeNull();
  });

  it('leaves nothing behind of more keys than the housekeeper looks at in one call', async () => {
    const { scheduler, clock } = await createRunning({ work: () => 1 }, { orphanAfter: '1h' });
    const finished = async () => (await scheduler.getTaskInfos({ state: 'finished' })).total;
    // It comes once or twice in the five minutes.
    const keys = Array.from({ length: 1_100 }, (_, n) => `k${n}`);
    // Of each third key the window is still open.
    const lengthOf = (at: number) => (at % 3 === 0 ? '1d' : '1m');
    await scheduler.addTasks(keys.map((key, at) => asked(at, { key, mode: 'throttle', for: lengthOf(at) })));
    while ((await finished()) < keys.length) await settle();
    for (let minute = 0; minute < 5; minute += 1) {
      clock.advance(MINUTE);
      await settle();
    }
    const left = (await scheduler.getTaskInfos({ limit: 10_000 })).tasks.map(({ id }) => id);
    expect(left.sort()).toEqual(keys.flatMap((key, at) => (at % 3 === 0 ? [`work~${key}`] : [])).sort());
  });

  it('outlives the schedulers', async () => {
    const { handler, calls } = noted();
    const store = new MemoryStore();
    const first = await createRunning({ work: handler }, { store });
    await first.scheduler.addTask(asked(1, { mode: 'throttle', for: '1h' }));
    await settle();
    await first.scheduler.shutdown();
    const second = await createRunning({ work: handler }, { store });
    await second.scheduler.addTask(asked(2, { mode: 'throttle', for: '1h' }));
    await settle();
    expect(calls).toEqual([1]);
  });
});

describe('a task with dedupe', () => {
  it('that is asked for before the start is settled with what is in the store then', async () => {
    const { calls, handler } = noted();
    const store = new MemoryStore();
    const first = await createRunning({ work: handler }, { store });
    for (const mode of ['skip', 'replace', 'debounce', 'throttle'] as const) {
      const timed = mode === 'debounce' || mode === 'throttle' ? { for: '1h' } : {};
      await first.scheduler.addTask({
        ...asked('old', { key: mode, mode, ...timed }),
        ...(mode === 'debounce' ? {} : { delay: '1h' }),
      });
    }
    await first.scheduler.shutdown();
    const { scheduler } = createScheduler({ work: handler }, { store });
    const events = recordEvents(scheduler);
    for (const mode of ['skip', 'replace', 'debounce', 'throttle'] as const) {
      const timed = mode === 'debounce' || mode === 'throttle' ? { for: '2h' } : {};
      await scheduler.addTask({
        ...asked('new', { key: mode, mode, ...timed }),
        ...(mode === 'debounce' ? {} : { delay: '2h' }),
      });
    }
    await scheduler.start();
    const { tasks } = await scheduler.getTaskInfos({ sortBy: 'id' });
    expect(tasks.map((task) => task.state !== 'unreadable' && [task.id, task.args[0]])).toEqual([
      ['work~debounce', 'new'],
      ['work~replace', 'new'],
      ['work~skip', 'old'],
      ['work~throttle', 'old'],
    ]);
    expect(events.flatMap((event) => ('taskId' in event ? [[event.name, event.taskId]] : []))).toEqual([
      ['task.modified', 'work~replace'],
      ['task.modified', 'work~debounce'],
    ]);
    expect(calls).toEqual([]);
  });

  it('may repeat: what is there is left, or gets another schedule', async () => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const hourly = { ...asked(1), trigger: HOURLY };
    await scheduler.addTask(hourly);
    await scheduler.addTask({ ...hourly, args: [2] });
    expect(await scheduler.getTaskInfo('work~customer')).toMatchObject({ args: [1] });
    const daily = { type: 'interval', days: 1 } as const;
    await scheduler.addTask({ ...asked(3, { mode: 'replace' }), trigger: daily });
    expect(await scheduler.getTaskInfo('work~customer')).toMatchObject({ args: [3], trigger: { type: 'interval' } });
    expect(await runsAt(scheduler)).toEqual([24 * 60 * MINUTE]);
  });

  it('does not touch a task that the code declares', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    scheduler.declareTasks([{ id: 'work~customer', handler: 'work', trigger: HOURLY }]);
    await scheduler.start();
    await expect(scheduler.addTask(asked(1, { mode: 'replace' }))).rejects.toThrow(TaskConflictError);
  });

  const refused: [string, object, RegExp][] = [
    ['an unknown mode', { dedupe: { key: 'k', mode: 'once' } }, /dedupe\.mode.*"once".*"throttle"/],
    ['an empty key', { dedupe: { key: '' } }, /dedupe\.key.*1 to 200/],
    ['a long key', { dedupe: { key: 'k'.repeat(201) } }, /dedupe\.key.*1 to 200/],
    ['a key that no database keeps', { dedupe: { key: 'a\0' } }, /dedupe\.key/],
    ['no window', { dedupe: { key: 'k', mode: 'throttle' } }, /dedupe\.for.*duration/],
    ['a window of nothing', { dedupe: { key: 'k', mode: 'debounce', for: 0 } }, /dedupe\.for: 0/],
    ['a window that does nothing', { dedupe: { key: 'k', mode: 'skip', for: '1m' } }, /dedupe\.for.*left out/],
    ['an id of its own', { id: 'x', dedupe: { key: 'k' } }, /id: "x".*the key is the id/],
    ['replaceExisting', { replaceExisting: true, dedupe: { key: 'k' } }, /replaceExisting.*the key/],
    ['a trigger that repeats', { trigger: HOURLY, dedupe: { key: 'k', mode: 'throttle', for: 1 } }, /trigger.*once/],
    ['a delay beside the window', { delay: 1, dedupe: { key: 'k', mode: 'debounce', for: 1 } }, /delay.*"for"/],
    ['a delay and a trigger', { delay: '1m', trigger: HOURLY }, /trigger.*left out with "delay"/],
    ['a delay that is none', { delay: 'soon' }, /delay: "soon".*duration/],
    ['a delay of ages', { delay: Number.MAX_SAFE_INTEGER }, /delay.*at most/],
  ];
  it.each(refused)('refuses %s, and adds nothing', async (_, options, message) => {
    const { scheduler } = await createRunning({ work: () => 1 });
    const adding = scheduler.addTask({ handler: 'work', ...options });
    await expect(adding).rejects.toThrow(InvalidOptionError);
    await expect(adding).rejects.toThrow(message);
    expect(await runsAt(scheduler)).toEqual([]);
  });

  it('names the handler where that is no name', async () => {
    const { scheduler } = await createRunning();
    for (const handler of [5, '', undefined, null]) {
      const task = { handler } as never as AskedTask;
      await expect(scheduler.addTask({ ...task, dedupe: { key: 'k' } })).rejects.toThrow(/^Invalid handler: /);
      await expect(scheduler.addTask(task)).rejects.toThrow(/^Invalid handler: /);
    }
    await expect(scheduler.upsertTask(null as never)).rejects.toThrow('Invalid task: null. Allowed: an object.');
  });

  it('refuses an option of dedupe that there is not, and one of a declared task', async () => {
    const { scheduler } = createScheduler({ work: () => 1 });
    await expect(scheduler.addTask(asked(1, { kee: 1 } as never))).rejects.toThrow(UnknownOptionError);
    await expect(scheduler.addTask({ handler: 'work', dely: 1 } as never)).rejects.toThrow(/"dely".*"delay"/s);
    scheduler.declareTasks([{ id: 'a', handler: 'work', trigger: HOURLY, dedupe: { key: 'k' } } as never]);
    await expect(scheduler.start()).rejects.toThrow(/"dedupe"/);
  });
});

describe('a task with a delay', () => {
  it('runs once, that long from now', async () => {
    const { calls, handler } = noted();
    const { scheduler, clock } = await createRunning({ work: handler });
    const task = await scheduler.addTask({ handler: 'work', args: ['x'], delay: '5m' });
    expect(task.nextRunTime).toEqual(new Date(START + 5 * MINUTE));
    expect(task.trigger).toMatchObject({ type: 'date', runAt: new Date(START + 5 * MINUTE).toISOString() });
    clock.advance(5 * MINUTE - 1);
    await settle();
    expect(calls).toEqual([]);
    clock.advance(1);
    await settle();
    expect(calls).toEqual(['x']);
  });
});

describe('a task with dedupe whose handler sleeps', () => {
  it('runs again after that for what is asked for meanwhile', async () => {
    const calls: unknown[] = [];
    const { scheduler, clock } = await createRunning({
      work: async ([value]: readonly unknown[], context: TaskContext) => {
        await context.sleep('10m');
        calls.push(value);
      },
    });
    await scheduler.addTask(asked(1, { mode: 'replace' }));
    await settle();
    for (const value of [2, 3]) await scheduler.addTask(asked(value, { mode: 'replace' }));
    for (let minute = 0; minute < 25; minute += 1) {
      clock.advance(MINUTE);
      await settle();
    }
    expect(calls).toHaveLength(2);
    expect(calls.at(-1)).toBe(3);
    expect(await runsAt(scheduler)).toEqual([]);
  });
});
