import { describe, expect, it } from 'vitest';
import { InvalidOptionError, MemoryStore } from 'nestjs-asyncz';
import type { Scheduler, TimelineEntry, TimelinePage } from 'nestjs-asyncz';
import { makeTask } from 'nestjs-asyncz/testing';
import { nextEvent } from '../../../support/events.js';
import { createRunning, settle, START } from '../../../support/scheduler.factory.js';

const MINUTE = 60_000;
const at = (minutes: number) => ({ type: 'interval', minutes, startAt: new Date(START + minutes * MINUTE) }) as const;

const brief = ({ entries }: TimelinePage) =>
  entries.map((one) => `${(one.at.getTime() - START) / MINUTE} ${one.kind} ${one.taskId}`);

/** All pages in one direction. */
async function allLater(scheduler: Scheduler, page: TimelinePage, pages: number): Promise<TimelineEntry[]> {
  const entries = [...page.entries];
  for (let next = page.later; next !== null && pages > 0; pages -= 1) {
    const more = await scheduler.getTimeline({ cursor: next, limit: 4 });
    entries.push(...more.entries);
    next = more.later;
  }
  return entries;
}

describe('the timeline', () => {
  it('has what has run, what runs and what is to run on one axis', async () => {
    let end = () => {};
    const { scheduler, clock } = await createRunning({
      quick: () => 1,
      slow: () => new Promise<void>((resolve) => (end = resolve)),
    });
    await scheduler.addTask({ id: 'five', handler: 'quick', trigger: at(5) });
    await scheduler.addTask({ id: 'seven', handler: 'quick', trigger: at(7) });
    await scheduler.addTask({ id: 'off', handler: 'quick', trigger: at(6), paused: true });
    await scheduler.addTask({ id: 'long', handler: 'slow', trigger: { type: 'date', runAt: START + 8 * MINUTE } });
    for (const minute of [5, 7]) {
      const ended = nextEvent(scheduler, 'run.succeeded');
      await settle();
      clock.advance(START + minute * MINUTE - clock.now());
      await ended;
    }
    const started = nextEvent(scheduler, 'run.started');
    await settle();
    clock.advance(MINUTE);
    await started;
    // The claim of the run is written into its task.
    await scheduler.getTaskInfo('long');
    const page = await scheduler.getTimeline({ limit: 3 });
    expect(brief(page)).toEqual([
      '5 ended five',
      '7 ended seven',
      '8 running long',
      '10 next five',
      '14 next seven',
      '15 next five',
    ]);
    expect(page.entries[0]).toMatchObject({ status: 'succeeded', store: 'default', handler: 'quick' });
    expect(page).toMatchObject({ earlier: null, horizon: null, failed: [] });
    end();
  });

  it('is paged in both directions, with nothing twice and nothing left out, also of one very moment', async () => {
    const store = new MemoryStore();
    const { scheduler, clock } = await createRunning({ quick: () => 1 }, { store });
    for (let index = 0; index < 10; index += 1) {
      await scheduler.addTask({ id: `t${index}`, handler: 'quick', trigger: at(1) });
    }
    let count = 0;
    const ended = new Promise<void>((resolve) => {
      scheduler.addListener(() => (count += 1) === 10 && resolve(), 'run.succeeded');
    });
    clock.advance(MINUTE);
    await ended;
    const first = await scheduler.getTimeline({ limit: 4 });
    const before: TimelineEntry[] = [];
    for (let next: string | null = first.earlier; next !== null;) {
      const more: TimelinePage = await scheduler.getTimeline({ cursor: next, limit: 4 });
      expect(more.later).toBeNull();
      before.unshift(...more.entries);
      next = more.earlier;
    }
    const past = [...before, ...first.entries.filter(({ kind }) => kind === 'ended')];
    expect(new Set(past.map(({ runId }) => runId)).size).toBe(10);
    expect(past).toHaveLength(10);
    const future = (await allLater(scheduler, first, 6)).filter(({ kind }) => kind === 'next');
    const keys = future.map(({ taskId, scheduledTime }) => `${scheduledTime.getTime()} ${taskId}`);
    expect(new Set(keys).size).toBe(future.length);
    // Each of the ten before any of them comes again.
    expect(new Set(future.slice(0, 10).map(({ taskId }) => taskId)).size).toBe(10);
    expect(future.slice(10, 20).every(({ at: time }) => time.getTime() === START + 3 * MINUTE)).toBe(true);
  });

  it('begins at any time, and says where changes of clocks touch it', async () => {
    const { scheduler } = await createRunning({ quick: () => 1 });
    const trigger = { type: 'cron', expression: '30 2 * * *', timezone: 'Europe/Berlin' } as const;
    await scheduler.addTask({ id: 'night', handler: 'quick', trigger });
    const { entries } = await scheduler.getTimeline({ at: '2026-03-28T00:00:00Z', limit: 3 });
    expect(entries.map((one) => [one.at.toISOString(), one.dst])).toEqual([
      ['2026-03-28T01:30:00.000Z', null],
      ['2026-03-29T01:30:00.000Z', 'gap'],
      ['2026-03-30T00:30:00.000Z', null],
    ]);
  });

  it('says until when it is whole where there are more tasks than it looks at, and what cannot be foretold', async () => {
    const store = new MemoryStore();
    const { scheduler } = await createRunning({ quick: () => 1 }, { store });
    const tasks = Array.from({ length: 1_100 }, (_, index) =>
      makeTask(`t${index}`, { nextRunTime: START + (index + 1) * MINUTE, handler: 'elsewhere' }),
    );
    await store.addTasks([
      makeTask('odd', { trigger: { type: 'nobody' }, nextRunTime: START + 1, handler: 'elsewhere' }),
      ...tasks,
    ]);
    const page = await scheduler.getTimeline({ limit: 5 });
    expect(page.horizon).toEqual(new Date(START + 1_000 * MINUTE));
    expect(page.failed).toMatchObject([{ taskId: 'odd', store: 'default' }]);
    expect(page.entries).toHaveLength(5);
  });

  it('is filtered, and refuses what is no cursor', async () => {
    const { scheduler, clock } = await createRunning({ quick: () => 1, other: () => 2 });
    await scheduler.addTask({ id: 'a', handler: 'quick', trigger: at(1) });
    await scheduler.addTask({ id: 'b', handler: 'other', trigger: at(2) });
    const ended = nextEvent(scheduler, 'run.succeeded');
    clock.advance(MINUTE);
    await ended;
    const page = await scheduler.getTimeline({ handler: 'other', limit: 2 });
    expect(brief(page)).toEqual(['2 next b', '4 next b']);
    for (const cursor of ['x', 'later~1', 'later~x~0', 'later~1~-1', 'later~1~999999', 'later~1~0~0']) {
      await expect(scheduler.getTimeline({ cursor })).rejects.toThrow(InvalidOptionError);
    }
    await expect(scheduler.getTimeline({ cursor: 'later~1~0', at: 1 })).rejects.toThrow('left out with "cursor"');
    await expect(scheduler.getTimeline({ limit: 501 })).rejects.toThrow('a whole number from 1 to 500');
    await expect(scheduler.getTimeline({ days: 1 } as never)).rejects.toThrow('Unknown option "days"');
  });
});

describe('the preview of a trigger', () => {
  it('says when it would fire, before there is a task', async () => {
    const { scheduler } = await createRunning();
    const cron = { type: 'cron', expression: '30 2 * * *', timezone: 'Europe/Berlin' } as const;
    const preview = await scheduler.previewTrigger(cron, { now: '2026-03-28T00:00:00Z', count: 2 });
    expect(preview).toMatchObject({ trigger: { type: 'cron' }, exhausted: false });
    expect(preview.runs.map(({ runTime, dst }) => [runTime.toISOString(), dst])).toEqual([
      ['2026-03-28T01:30:00.000Z', null],
      ['2026-03-29T01:30:00.000Z', 'gap'],
    ]);
    const once = await scheduler.previewTrigger({ type: 'date', runAt: START + MINUTE });
    expect(once).toMatchObject({ exhausted: true, runs: [{ runTime: new Date(START + MINUTE) }] });
    const limited = { ...at(1), maxRuns: 3 } as const;
    expect(await scheduler.previewTrigger(limited, { count: 3 })).toMatchObject({ exhausted: true });
    await expect(scheduler.previewTrigger({ type: 'cron', expression: '0 0 30 2 *' })).rejects.toThrow('never');
    await expect(scheduler.previewTrigger(cron, { count: 1_001 })).rejects.toThrow(InvalidOptionError);
  });
});
