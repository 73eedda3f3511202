import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskRecord } from 'nestjs-asyncz/store';
import { makeLiveRun, makeTask } from 'nestjs-asyncz/testing';
import { planClaim } from '../../../../lib/scheduler/plan/claim.plan.js';
import { endRuns } from '../../../../lib/scheduler/plan/end.plan.js';
import { endedRun } from '../../../../lib/scheduler/plan/ended.run.js';
import { isSimple, simpleClaim } from '../../../../lib/scheduler/plan/simple.plan.js';
import { afterTaking, startsUnwritten } from '../../../../lib/scheduler/plan/take.plan.js';
import { leaseOf } from '../../../../lib/stores/exchange.js';
import { TriggerCache } from '../../../../lib/triggers/trigger.cache.js';
import { TriggerRegistry } from '../../../../lib/triggers/trigger.registry.js';
import { context } from './claim.plan.fixtures.js';

const NOW = Date.UTC(2036, 0, 15, 12);
const REQUEST = { owner: 'me', leaseMs: 30_000, handlers: null, limit: 1 };
const triggers = new TriggerCache(new TriggerRegistry());

/** Mostly what a simple task has, so that many are. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) });

const runAt = new Date(NOW - 500).toISOString();
const anyTask = fc
  .record({
    trigger: mostly<{ type: string }>(
      { type: 'date', runAt } as never,
      { type: 'interval', seconds: 9 } as never,
      {
        type: 'date',
        runAt,
        maxRuns: 1,
      } as never,
      { type: 'date', runAt, calendar: 'unknown-here' } as never,
    ),
    origin: mostly<'runtime' | 'code'>('runtime', 'code'),
    policies: fc.record({
      delivery: mostly('at-least-once', 'at-most-once'),
      group: mostly<string | null>(null, 'g'),
      misfireGraceMs: mostly<number | null>(null, 100, 10_000),
      overlap: fc.constantFrom('skip', 'allow', 'queueOne', 'queueAll', 'cancelRunning'),
      coalesce: fc.constantFrom('latest', 'earliest', 'all'),
      maxInstances: fc.constantFrom(1, 3),
      maxLost: fc.constantFrom(1, 3),
      history: fc.constantFrom('all', 'failures', 'none'),
    }),
    state: fc.record({
      nextScheduledTime: fc.constantFrom<number | null>(NOW - 500, NOW - 900, null),
      nextRunTime: mostly<number | null>(NOW - 500, NOW, NOW + 1, null),
      lastToken: mostly(0, NOW + 5, 2 ** 52),
      scheduledCount: fc.constantFrom(0, 3),
      failuresInARow: fc.constantFrom(0, 2),
      lostInARow: mostly(0, 1, 3),
      pause: mostly<object | null>(null, { at: 1, actor: null, reason: null }),
      problem: mostly<object | null>(null, { code: 'X', message: 'x', at: 1, count: 1 }),
      lease: mostly<object | null>(null, { owner: 'dead', token: 1, at: 1, attempt: 1, until: NOW - 1 }),
      live: mostly<object[]>([], [makeLiveRun('t@x', { status: 'waiting', availableAt: NOW })]),
    }),
  })
  .map((fields): TaskRecord => {
    const task = makeTask('t', { trigger: fields.trigger, policies: fields.policies as never });
    const definition = { ...task.definition, origin: fields.origin };
    return { ...task, definition, state: { ...task.state, ...fields.state } as never };
  });

/** What a claim that has room makes of a task that was taken. */
function claimOf(task: TaskRecord) {
  const plan = planClaim({
    ...context(null as never),
    schemaVersionOf: () => null,
    triggerOf: ({ definition }) => triggers.get(definition.trigger),
    room: { has: () => true },
  });
  return plan(task, NOW, []);
}

describe('a simple task', () => {
  it('becomes by a claim what the plan of claims makes of it, and may start before it is written', () => {
    let simple = 0;
    fc.assert(
      fc.property(anyTask, (task) => {
        if (!isSimple(task, NOW)) return;
        simple += 1;
        const lease = leaseOf(task, NOW, REQUEST);
        const change = claimOf(task)!;
        const claimed = simpleClaim({ task, lease });
        expect(claimed.record).toEqual(afterTaking(change.task!, lease));
        expect([claimed.run]).toEqual(change.value.start);
        expect(change.value.history).toEqual([]);
        expect(startsUnwritten(change, NOW)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(simple).toBeGreaterThan(200);
  });

  it('is gone when its run has succeeded', () => {
    fc.assert(
      fc.property(anyTask, (task) => {
        if (!isSimple(task, NOW)) return;
        const { record, run } = simpleClaim({ task, lease: leaseOf(task, NOW, REQUEST) });
        const end = { taskId: 't', runId: run.id, token: run.token, retryAt: null };
        const ended = endedRun(record, run, 'succeeded', NOW + 5);
        const change = endRuns([{ ...end, record: ended }])(record, NOW + 5, []);
        expect(change).toMatchObject({ task: null, value: ['ended'] });
      }),
      { numRuns: 500 },
    );
  });
});
