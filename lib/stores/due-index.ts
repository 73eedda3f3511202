import { DUE_KEY_NAMES, isLeftOut } from '../model/due-keys.js';
import type { DueKeyValues } from '../model/due-keys.js';
import type { DueFilter, DueOrder } from './selection.interface.js';
import { compareText } from './task-query.js';
import { IndexedHeap } from './indexed-heap.js';
import type { HeapItem } from './indexed-heap.js';

/** What the index has to know of a task. */
export interface DueEntry extends HeapItem {
  readonly handler: string;
  readonly priority: number;
  /** What it can be left out by. */
  readonly dueKeys: DueKeyValues;
  /** Where the index keeps it; written by the index, null outside. */
  lane: DueLane | null;
}

/** The tasks of one handler that have their priority and the values of all due keys in common. */
export interface DueLane {
  readonly name: string;
  readonly dueKeys: DueKeyValues;
  readonly heap: IndexedHeap<DueEntry>;
}

/**
 * Tasks by due time, in one heap for each handler, priority and combination of due keys: the claim order (priority, due
 * time, id) among any set of handlers is then a merge of the first items, and tasks that this process cannot run are never
 * walked over.
 */
export class DueIndex<T extends DueEntry> {
  readonly #lanes = new Map<string, Map<string, DueLane>>();

  /** An entry whose key has changed, and nothing else. */
  move(entry: T): void {
    entry.lane!.heap.move(entry);
  }

  /**
   * Calls `take` for the entries due by `now`, in the claim order: it gives each a key that is later than that.
   */
  takeDue(now: number, limit: number, filter: DueFilter, order: DueOrder | undefined, take: (entry: T) => void): void {
    const [heap, ...others] = this.#heapsOf(filter);
    if (others.length > 0) {
      for (const entry of this.due(now, limit, filter, order)) {
        take(entry);
        this.move(entry);
      }
      return;
    }
    // Where all are in one heap, the first one is the next one, until it is not due.
    if (!heap) return;
    for (let left = limit; left > 0; left -= 1) {
      const entry = heap.peek();
      if (!entry || entry.key > now) return;
      take(entry);
      heap.move(entry);
    }
  }

  add(entry: T): void {
    let ofHandler = this.#lanes.get(entry.handler);
    if (!ofHandler) this.#lanes.set(entry.handler, (ofHandler = new Map<string, DueLane>()));
    const { priority, dueKeys } = entry;
    const name = laneName(priority, dueKeys);
    let lane = ofHandler.get(name);
    if (!lane) ofHandler.set(name, (lane = { name, dueKeys, heap: new IndexedHeap<DueEntry>() }));
    lane.heap.push(entry);
    entry.lane = lane;
  }

  remove(entry: T): void {
    const { heap, name } = entry.lane!;
    heap.remove(entry);
    entry.lane = null;
    if (heap.size > 0) return;
    const ofHandler = this.#lanes.get(entry.handler)!;
    ofHandler.delete(name);
    if (ofHandler.size === 0) this.#lanes.delete(entry.handler);
  }

  /** The entries due by `now`, in the claim order. */
  due(now: number, limit: number, filter: DueFilter, order: DueOrder = 'priority'): T[] {
    const found: T[] = [];
    for (const heap of this.#heapsOf(filter)) for (const entry of heap.upTo(now, limit)) found.push(entry);
    return found.sort(order === 'age' ? compareAge : comparePriority).slice(0, limit);
  }

  /** How many entries are due by `now`, counted up to `atMost`. */
  count(now: number, atMost: number): number {
    let count = 0;
    for (const heap of this.#heapsOf({ handlers: null })) count += heap.countUpTo(now, atMost - count);
    return count;
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

  *#heapsOf({ handlers, notHandlers = [], except }: DueFilter): Iterable<IndexedHeap<T>> {
    const left = new Set(notHandlers);
    for (const handler of new Set(handlers ?? this.#lanes.keys())) {
      if (left.has(handler)) continue;
      for (const { dueKeys, heap } of this.#lanes.get(handler)?.values() ?? []) {
        if (!isLeftOut(dueKeys, except)) yield heap as IndexedHeap<T>;
      }
    }
  }
}

function laneName(priority: number, dueKeys: DueKeyValues): string {
  let text = String(priority);
  for (const key of DUE_KEY_NAMES) {
    const value = dueKeys[key];
    // The length in front tells where a value ends, whatever is in it.
    text += value === null ? ' -' : ` ${value.length} ${value}`;
  }
  return text;
}

function comparePriority(a: DueEntry, b: DueEntry): number {
  return a.priority - b.priority || compareAge(a, b);
}

function compareAge(a: DueEntry, b: DueEntry): number {
  return a.key - b.key || compareText(a.id, b.id);
}
