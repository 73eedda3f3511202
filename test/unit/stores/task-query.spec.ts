import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../lib/errors/input.errors.js';
import { TASK_SORT_KEYS } from '../../../lib/model/query.js';
import type { StoredTask } from '../../../lib/model/task.js';
import {
  compareByDue,
  compareByNextRunTime,
  compareRuns,
  formatRunCursor,
  parseRunCursor,
  queryRuns,
  queryTasks,
  taskOrder,
} from '../../../lib/stores/task-query.js';
import { makeLiveRun, makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';

const ids = fc.string({ maxLength: 3 });
const times = fc.option(fc.nat({ max: 5 }));
const words = fc.constantFrom('a', 'B', 'b', 'sweep', 'Mail');

const readableTasks = fc
  .record({ id: ids, name: words, handler: words, executor: words, nextRunTime: times, priority: fc.nat({ max: 2 }) })
  .map(({ priority, id, ...fields }) => makeTask(id, { ...fields, policies: { priority } }));
const unreadableTasks = fc
  .record({ id: ids, handler: fc.option(words), nextRunTime: times })
  .map((fields): StoredTask => ({ ...fields, unreadable: 'damaged', message: 'm' }));
const tasks = fc.uniqueArray(fc.oneof(readableTasks, unreadableTasks), { selector: ({ id }) => id, maxLength: 30 });
const sorts = fc.record({ by: fc.constantFrom(...TASK_SORT_KEYS), descending: fc.boolean() });

const runs = fc.uniqueArray(
  fc
    .record({ id: ids, endedAt: fc.nat({ max: 4 }), attempt: fc.integer({ min: 1, max: 3 }) })
    .map(({ id, ...fields }) => makeRun(id, fields)),
  { selector: (run) => JSON.stringify([run.id, run.attempt]), maxLength: 30 },
);

describe('queryTasks', () => {
  it('pages without a gap or a repetition, whatever the order', () => {
    fc.assert(
      fc.property(tasks, sorts, fc.integer({ min: 1, max: 7 }), (all, sort, limit) => {
        const whole = queryTasks(all, {}, sort, { offset: 0, limit: 1_000 });
        const paged: StoredTask[] = [];
        for (let offset = 0; offset < all.length; offset += limit) {
          paged.push(...queryTasks(all, {}, sort, { offset, limit }).tasks);
        }
        expect(paged).toEqual(whole.tasks);
        expect(whole.total).toBe(all.length);
        const reversed = queryTasks(all, {}, { ...sort, descending: !sort.descending }, { offset: 0, limit: 1_000 });
        expect(reversed.tasks.toReversed()).toEqual(whole.tasks);
      }),
    );
  });

  it('orders any three tasks in one way, by every key', () => {
    const orders = TASK_SORT_KEYS.map((by) => taskOrder({ by, descending: false }));
    fc.assert(
      fc.property(fc.tuple(...[0, 1, 2].map(() => fc.oneof(readableTasks, unreadableTasks))), ([a, b, c]) => {
        for (const order of [...orders, compareByNextRunTime]) {
          expect(Math.sign(order(a!, b!)) + Math.sign(order(b!, a!))).toBe(0);
          if (order(a!, b!) <= 0 && order(b!, c!) <= 0) expect(order(a!, c!)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });

  it('puts unreadable tasks at the end of all, and lets their columns be found', () => {
    const bad: StoredTask = { id: 'bad', unreadable: 'wrong-key', message: 'm', handler: 'Mail', nextRunTime: 1 };
    const good = makeTask('good', { nextRunTime: 5 });
    const none = makeTask('none');
    expect([bad, none, good].toSorted(compareByNextRunTime)).toEqual([good, none, bad]);
    const page = { offset: 0, limit: 9 };
    const sort = { by: 'id', descending: false } as const;
    expect(queryTasks([bad, good], { handler: 'Mail' }, sort, page).tasks).toEqual([bad]);
    expect(queryTasks([bad, good], { q: 'MAI' }, sort, page).tasks).toEqual([bad]);
    expect(queryTasks([bad, good], { tag: 'x' }, sort, page).tasks).toEqual([]);
    expect(queryTasks([bad, good], { executor: 'default' }, sort, page).tasks).toEqual([good]);
  });

  it('calls a task running before paused, and paused before finished', () => {
    const sort = { by: 'id', descending: false } as const;
    const live = [makeLiveRun('r', { status: 'running', leaseUntil: 9, owner: 'x' })];
    const pause = { at: 1, reason: null, actor: null };
    const all = [
      makeTask('running', { state: { live, pause, exhausted: true } }),
      makeTask('paused', { state: { pause, exhausted: true } }),
      makeTask('finished', { state: { exhausted: true } }),
      makeTask('waiting', { state: { exhausted: true, live: [makeLiveRun('w')] } }),
    ];
    const idsIn = (state: 'running' | 'paused' | 'finished' | 'scheduled') =>
      queryTasks(all, { state }, sort, { offset: 0, limit: 9 }).tasks.map(({ id }) => id);
    expect([idsIn('running'), idsIn('paused'), idsIn('finished'), idsIn('scheduled')]).toEqual([
      ['running'],
      ['paused'],
      ['finished'],
      ['waiting'],
    ]);
  });
});

describe('compareByDue', () => {
  it('goes by priority, then by what makes the task due, then by id', () => {
    const urgent = makeTask('z', { nextRunTime: 9, policies: { priority: -1 } });
    const retry = makeTask('y', { nextRunTime: 8, state: { live: [makeLiveRun('r', { availableAt: 1 })] } });
    const first = makeTask('a', { nextRunTime: 2 });
    const second = makeTask('b', { nextRunTime: 2 });
    expect([second, first, retry, urgent].toSorted(compareByDue)).toEqual([urgent, retry, first, second]);
  });
});

describe('queryRuns', () => {
  it('pages by cursor as it sorts, whatever the ties', () => {
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 7 }), (all, limit) => {
        const found = [];
        let cursor: string | undefined;
        do {
          const page = queryRuns(all, {}, { limit, ...(cursor !== undefined && { cursor }) });
          found.push(...page.runs);
          cursor = page.next ?? undefined;
        } while (cursor !== undefined);
        expect(found).toEqual(all.toSorted(compareRuns));
      }),
    );
  });
});

describe('a cursor of runs', () => {
  it('is read as it was written, for any id', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), fc.nat(), (id, endedAt, attempt) => {
        expect(parseRunCursor(formatRunCursor({ id, endedAt, attempt }))).toEqual({ id, endedAt, attempt });
      }),
    );
  });

  it.each(['', 'x', 'bnVsbA', 'W10', Buffer.from('[1,2,3]').toString('base64url'), '[1,"a",1]'])(
    'is refused when it is %j',
    (cursor) => {
      expect(() => parseRunCursor(cursor)).toThrow(InvalidOptionError);
    },
  );

  it('is refused or read, never anything else', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const cursor = Buffer.from(json).toString('base64url');
        try {
          expect(typeof parseRunCursor(cursor).id).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidOptionError);
        }
      }),
    );
  });
});
