import { compareText } from './task-query.js';
import { IndexedHeap } from './indexed-heap.js';
import type { HeapItem } from './indexed-heap.js';

/** What the index has to know of a task. */
export interface DueEntry extends HeapItem {
  readonly handler: string;
  readonly priority: number;
}

/**
 * Tasks by due time, in one heap for each handler and priority: the claim order (priority, due time, id) among any set of
 * handlers is then a merge of the first items, and tasks that this process cannot run are never walked over.
 */
export class DueIndex<T extends DueEntry> {
  readonly #heaps = new Map<string, Map<number, IndexedHeap<T>>>();

  add(entry: T): void {
    let ofHandler = this.#heaps.get(entry.handler);
    if (!ofHandler) this.#heaps.set(entry.handler, (ofHandler = new Map<number, IndexedHeap<T>>()));
    let heap = ofHandler.get(entry.priority);
    if (!heap) ofHandler.set(entry.priority, (heap = new IndexedHeap<T>()));
    heap.push(entry);
  }

  remove(entry: T): void {
    const ofHandler = this.#heaps.get(entry.handler)!;
    const heap = ofHandler.get(entry.priority)!;
    heap.remove(entry);
    if (heap.size > 0) return;
    ofHandler.delete(entry.priority);
    if (ofHandler.size === 0) this.#heaps.delete(entry.handler);
  }

  /** The entries due by `now`, in the claim order. */
  due(now: number, limit: number, handlers: readonly string[] | null): T[] {
    const found: T[] = [];
    for (const heap of this.#heapsOf(handlers)) for (const entry of heap.upTo(now, limit)) found.push(entry);
    return found.sort((a, b) => a.priority - b.priority || a.key - b.key || compareText(a.id, b.id)).slice(0, limit);
  }

  /** The earliest due time, or null. */
  earliest(handlers: readonly string[] | null): number | null {
    return this.first(handlers)?.key ?? null;
  }

  /** The entry that is due first, whatever its priority. */
  first(handlers: readonly string[] | null): T | undefined {
    let first: T | undefined;
    for (const heap of this.#heapsOf(handlers)) {
      const head = heap.peek();
      if (head && (!first || head.key < first.key)) first = head;
    }
    return first;
  }

  *#heapsOf(handlers: readonly string[] | null): Iterable<IndexedHeap<T>> {
    if (handlers === null) {
      for (const ofHandler of this.#heaps.values()) yield* ofHandler.values();
      return;
    }
    for (const handler of new Set(handlers)) yield* this.#heaps.get(handler)?.values() ?? [];
  }
}
