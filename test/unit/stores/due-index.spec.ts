import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byDueKey, DUE_KEY_NAMES } from '../../../lib/model/due-keys.js';
import { DueIndex } from '../../../lib/stores/due-index.js';
import type { DueEntry } from '../../../lib/stores/due-index.js';
import type { DueFilter } from '../../../lib/stores/selection.interface.js';

const HANDLERS = ['a', 'b', 'c'];

const NO_DUE_KEYS = byDueKey(() => null);

function entry(id: string, key: number, other: Partial<DueEntry> = {}): DueEntry {
  return { id, key, handler: 'a', priority: 0, dueKeys: NO_DUE_KEYS, heapSlot: -1, lane: null, ...other };
}

const byAge = (a: DueEntry, b: DueEntry) => a.key - b.key || (a.id < b.id ? -1 : 1);
const byClaim = (a: DueEntry, b: DueEntry) => a.priority - b.priority || byAge(a, b);
const isOf =
  ({ handlers, except = {} }: DueFilter) =>
  ({ handler, dueKeys }: DueEntry) =>
    (handlers?.includes(handler) ?? true) && DUE_KEY_NAMES.every((key) => !except[key]?.includes(dueKeys[key]!));
const ALL: DueFilter = { handlers: null };

const handlerSets = fc.oneof(fc.constant(null), fc.array(fc.constantFrom(...HANDLERS, 'unknown'), { maxLength: 4 }));
const steps = fc.array(
  fc.oneof(
    fc.record({
      what: fc.constant('add' as const),
      key: fc.nat({ max: 9 }),
      handler: fc.constantFrom(...HANDLERS),
      priority: fc.integer({ min: -1, max: 1 }),
      // The last ones are what a lane could be taken for another one by.
      dueKeys: fc.record(byDueKey(() => fc.constantFrom(null, null, 'g', 'h', '-', 'g 1 h', 'g -'))),
    }),
    fc.record({ what: fc.constant('remove' as const), which: fc.nat() }),
    fc.record({
      what: fc.constant('ask' as const),
      now: fc.nat({ max: 10 }),
      limit: fc.nat({ max: 8 }),
      filter: fc.record({
        handlers: handlerSets,
        except: fc.record(
          byDueKey(() => fc.subarray(['g', 'h', '-', 'unknown'])),
          { requiredKeys: [] },
        ),
      }),
      order: fc.constantFrom('priority' as const, 'age' as const),
    }),
  ),
  { maxLength: 150 },
);

describe('DueIndex', () => {
  it('gives what is due by priority, due time and id', () => {
    const index = new DueIndex<DueEntry>();
    const late = entry('late', 5);
    const tie = entry('a-tie', 5);
    const urgent = entry('urgent', 9, { handler: 'b', priority: -1 });
    for (const each of [late, tie, urgent, entry('future', 11)]) index.add(each);
    expect(index.due(10, 9, ALL)).toEqual([urgent, tie, late]);
    expect(index.due(10, 2, ALL)).toEqual([urgent, tie]);
    expect(index.due(10, 2, ALL, 'age')).toEqual([tie, late]);
    expect(index.earliest(ALL)).toBe(5);
    expect(index.earliest({ handlers: ['b'] })).toBe(9);
    expect(index.earliest({ handlers: [] })).toBeNull();
  });

  it('counts a handler that is asked for twice once', () => {
    const index = new DueIndex<DueEntry>();
    const only = entry('only', 1);
    index.add(only);
    expect(index.due(1, 9, { handlers: ['a', 'a'] })).toEqual([only]);
  });

  it('gives more due entries at once than a call can have arguments', () => {
    const index = new DueIndex<DueEntry>();
    for (let at = 0; at < 300_000; at += 1) index.add(entry(String(at), at));
    expect(index.due(Infinity, Infinity, ALL)).toHaveLength(300_000);
  });

  it('does what a filtered and sorted list does', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const index = new DueIndex<DueEntry>();
        let model: DueEntry[] = [];
        let added = 0;
        for (const step of all) {
          if (step.what === 'add') {
            const each = entry(`${(added * 31) % 7}-${(added += 1)}`, step.key, step);
            index.add(each);
            model.push(each);
          } else if (step.what === 'remove' && model.length > 0) {
            const each = model[step.which % model.length]!;
            index.remove(each);
            model = model.filter((other) => other !== each);
          } else if (step.what === 'ask') {
            const { now, limit, filter, order } = step;
            const mine = model.filter(isOf(filter));
            const due = mine.filter(({ key }) => key <= now).sort(order === 'age' ? byAge : byClaim);
            expect(index.due(now, limit, filter, order)).toEqual(due.slice(0, limit));
            expect(index.earliest(filter)).toBe(mine.length === 0 ? null : Math.min(...mine.map(({ key }) => key)));
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
