import { describe, expect, it } from 'vitest';
import { taskIds } from '../../../../lib/scheduler/tasks/task.id.js';
import { TaskSeries } from '../../../../lib/scheduler/tasks/task.series.js';
import type { CheckedTrigger } from '../../../../lib/scheduler/tasks/task.series.js';

const NOW = Date.UTC(2026, 0, 15, 12);

/** Makes something else each time. */
const made = () => {
  let count = 0;
  return () => ({ data: { type: 'x', count: (count += 1) } }) as unknown as CheckedTrigger;
};

describe('tasks that are made together', () => {
  it('share the trigger of the same options', () => {
    const series = new TaskSeries(NOW);
    const make = made();
    const first = series.trigger({ type: 'interval', minutes: 5 }, make);
    expect(series.trigger({ type: 'interval', minutes: 5 }, make)).toBe(first);
    expect(series.trigger({ type: 'interval', minutes: 6 }, make)).not.toBe(first);
    expect(new TaskSeries(NOW).trigger({ type: 'interval', minutes: 5 }, make)).not.toBe(first);
  });

  it.each([
    [
      { type: 'x', a: 1 },
      { type: 'x', a: '1' },
    ],
    [
      { type: 'x', a: true },
      { type: 'x', a: 'true' },
    ],
    [
      { type: 'x', ab: 'c' },
      { type: 'x', a: 'bc' },
    ],
    [
      { type: 'x', a: 'b', c: 'd' },
      { type: 'x', a: 'b1:cstring1:d' },
    ],
    // What is more than plain words and numbers is made anew.
    [
      { type: 'x', a: new Date(NOW) },
      { type: 'x', a: new Date(NOW) },
    ],
    [
      { type: 'x', a: null },
      { type: 'x', a: null },
    ],
    [
      { type: 'x', a: ['b'] },
      { type: 'x', a: ['b'] },
    ],
  ])('do not take %j for %j', (one, other) => {
    const series = new TaskSeries(NOW);
    const make = made();
    expect(series.trigger(other as never, make)).not.toBe(series.trigger(one as never, make));
  });

  it('share the state of the same times', () => {
    const series = new TaskSeries(NOW);
    const times = { nextRunTime: NOW + 5, nextScheduledTime: NOW, exhausted: false };
    const first = series.state(times);
    expect(first).toMatchObject({ ...times, createdAt: NOW, live: [] });
    expect(series.state({ ...times })).toBe(first);
    expect(series.state({ ...times, nextScheduledTime: NOW + 1 })).not.toBe(first);
    expect(first).toMatchObject(times);
  });

  it('have ids that grow with time', () => {
    const id = taskIds(NOW);
    expect(id()).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(new Set(Array.from({ length: 1_000 }, id)).size).toBe(1_000);
    expect(id() < taskIds(NOW + 1)()).toBe(true);
    expect(Number.parseInt(id().replaceAll('-', '').slice(0, 12), 16)).toBe(NOW);
  });
});
