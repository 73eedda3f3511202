import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IndexedHeap } from '../../../lib/stores/indexed-heap.js';
import type { HeapItem } from '../../../lib/stores/indexed-heap.js';

const item = (key: number, id: string): HeapItem => ({ key, id, heapSlot: -1 });
const byKey = (a: HeapItem, b: HeapItem) => a.key - b.key || (a.id < b.id ? -1 : 1);

/** Few keys, so that there are ties; all kinds of numbers that a due time can be, and the two ends. */
const keys = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(-1, 4_102_444_800_000, Infinity));

const steps = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant('push' as const), key: keys }),
    fc.record({ what: fc.constant('remove' as const), which: fc.nat() }),
    fc.record({ what: fc.constant('upTo' as const), limit: keys, count: fc.nat({ max: 12 }) }),
  ),
  { maxLength: 200 },
);

describe('IndexedHeap', () => {
  it('gives the first item, and none when it is empty', () => {
    const heap = new IndexedHeap<HeapItem>();
    expect(heap.peek()).toBeUndefined();
    const items = [item(3, 'c'), item(1, 'b'), item(1, 'a'), item(2, 'd')];
    for (const each of items) heap.push(each);
    expect(heap.peek()).toBe(items[2]);
    expect(heap.size).toBe(4);
  });

  it('forgets a removed item, which can be added again', () => {
    const heap = new IndexedHeap<HeapItem>();
    const only = item(1, 'a');
    heap.push(only);
    expect(only.heapSlot).toBeGreaterThanOrEqual(0);
    heap.remove(only);
    expect([heap.size, heap.peek(), only.heapSlot]).toEqual([0, undefined, -1]);
    heap.push(only);
    expect(heap.peek()).toBe(only);
  });

  it('does what a sorted list does, whatever is added, removed and asked for', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const heap = new IndexedHeap<HeapItem>();
        let model: HeapItem[] = [];
        let added = 0;
        for (const step of all) {
          if (step.what === 'push') {
            const each = item(step.key, `id-${(added * 7919) % 1_000}-${(added += 1)}`);
            heap.push(each);
            model = [...model, each].sort(byKey);
          } else if (step.what === 'remove' && model.length > 0) {
            const each = model[step.which % model.length]!;
            heap.remove(each);
            expect(each.heapSlot).toBe(-1);
            model = model.filter((other) => other !== each);
          } else if (step.what === 'upTo') {
            const expected = model.filter(({ key }) => key <= step.limit).slice(0, step.count);
            expect(heap.upTo(step.limit, step.count)).toEqual(expected);
          }
          expect(heap.size).toBe(model.length);
          expect(heap.peek()).toBe(model[0]);
        }
        expect(heap.upTo(Infinity, Infinity)).toEqual(model);
      }),
      { numRuns: 500 },
    );
  });

  it('holds 200,000 items and gives them in order', () => {
    const heap = new IndexedHeap<HeapItem>();
    const items = Array.from({ length: 200_000 }, (_, at) => item((at * 7_919) % 100_003, `${at}`));
    for (const each of items) heap.push(each);
    for (const each of items) if (Number(each.id) % 3 === 0) heap.remove(each);
    const left = heap.upTo(Infinity, Infinity);
    expect(left).toHaveLength(133_333);
    expect(left.every((each, at) => at === 0 || byKey(left[at - 1]!, each) < 0)).toBe(true);
  });
});
