import type { DueFilter, DueOrder } from './store.interface.js';
import { compareText } from './task-query.js';
import { IndexedHeap } from './indexed-heap.js';
import type { HeapItem } from './indexed-heap.js';

/** What the index has to know of a task. */
export interface DueEntry extends HeapItem {
  readonly handler: string;
  readonly priority: number;
  readonly group: string | null;
  readonly executor: string;
}

/** The tasks of one handler that have their priority, their group and their executor in common. */
interface Lane<T extends DueEntry> {
  readonly group: string | null;
  readonly executor: string;
  readonly heap: IndexedHeap<T>;
}

/**
 * Tasks by due time, in one heap for each handler, priority, group and executor: the claim order (priority, due time, id)
 * among any set of handlers is then a merge of the first items, and tasks that this process cannot run are never walked
 * over.
 */
export class DueIndex<T extends DueEntry> {
  readonly #lanes = new Map<string, Map<string, Lane<T>>>();

  add(entry: T): void {
    let ofHandler = this.#lanes.get(entry.handler);
    if (!ofHandler) this.#lanes.set(entry.handler, (ofHandler = new Map<string, Lane<T>>()));
    const key = laneKey(entry);
    let lane = ofHandler.get(key);
    if (!lane) {
      const { group, executor } = entry;
      ofHandler.set(key, (lane = { group, executor, heap: new IndexedHeap<T>() }));
    }
    lane.heap.push(entry);
  }

  remove(entry: T): void {
    const ofHandler = this.#lanes.get(entry.handler)!;
    const key = laneKey(entry);
    const { heap } = ofHandler.get(key)!;
    heap.remove(entry);
    if (heap.size > 0) return;
    ofHandler.delete(key);
    if (ofHandler.size === 0) this.#lanes.delete(entry.handler);
  }

  /** The entries due by `now`, in the claim order. */
  due(now: number, limit: number, filter: DueFilter, order: DueOrder = 'priority'): T[] {
    const found: T[] = [];
    for (const heap of this.#heapsOf(filter)) for (const entry of heap.upTo(now, limit)) found.push(entry);
    return found.sort(order === 'age' ? compareAge : comparePriority).slice(0, limit);
  }

  /** The earliest due time, or null. */
  earliest(filter: DueFilter): number | null {
    return this.first(filter)?.key ?? null;
  }

  /** The entry that is due first, whatever its priority. */
  first(filter: DueFilter): T | undefined {
    let first: T | undefined;
    for (const heap of this.#heapsOf(filter)) {
      const head = heap.peek();
      if (head && (!first || head.key < first.key)) first = head;
    }
    return first;
  }

  *#heapsOf({ handlers, exceptGroups = [], exceptExecutors = [] }: DueFilter): Iterable<IndexedHeap<T>> {
    for (const handler of new Set(handlers ?? this.#lanes.keys())) {
      for (const { group, executor, heap } of this.#lanes.get(handler)?.values() ?? []) {
        const isFull = (group !== null && exceptGroups.includes(group)) || exceptExecutors.includes(executor);
        if (!isFull) yield heap;
      }
    }
  }
}

function laneKey({ priority, group, executor }: DueEntry): string {
  // Neither can be taken for the other: how long the first one is stands in front.
  return `${priority} ${executor.length} ${executor}${group === null ? '' : ` ${group}`}`;
}

function comparePriority(a: DueEntry, b: DueEntry): number {
  return a.priority - b.priority || compareAge(a, b);
}

function compareAge(a: DueEntry, b: DueEntry): number {
  return a.key - b.key || compareText(a.id, b.id);
}
