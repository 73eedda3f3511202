/** Something that knows its own place in one heap, so that it can be moved or removed without a search. */
export interface HeapItem {
  /** What the heap is ordered by. */
  readonly key: number;
  /** Breaks ties. */
  readonly id: string;
  /** Its place in the heap; written by the heap, -1 outside. */
  place: number;
}

/** A binary heap whose items can be removed in O(log n) because each knows its place. The smallest key is first. */
export class IndexedHeap<T extends HeapItem> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The first item. */
  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    item.place = this.#items.length;
    this.#items.push(item);
    this.#up(item);
  }

  remove(item: T): void {
    const last = this.#items.pop()!;
    const { place } = item;
    item.place = -1;
    if (last === item) return;
    last.place = place;
    this.#items[place] = last;
    this.#up(last);
    this.#down(last);
  }

  /**
   * The items with a key up to `limit`, at most `count` of them, in order. Visits only those and their children, so the
   * cost does not grow with the heap.
   */
  upTo(limit: number, count: number): T[] {
    const found: T[] = [];
    const frontier = new IndexedHeap<{ key: number; id: string; place: number; at: number }>();
    const look = (at: number) => {
      const item = this.#items[at];
      if (item && item.key <= limit) frontier.push({ key: item.key, id: item.id, place: -1, at });
    };
    look(0);
    for (let next = frontier.peek(); next && found.length < count; next = frontier.peek()) {
      frontier.remove(next);
      found.push(this.#items[next.at]!);
      look(2 * next.at + 1);
      look(2 * next.at + 2);
    }
    return found;
  }

  #up(item: T): void {
    while (item.place > 0) {
      const parent = this.#items[(item.place - 1) >> 1]!;
      if (!isBefore(item, parent)) return;
      this.#swap(item, parent);
    }
  }

  #down(item: T): void {
    for (;;) {
      const left = this.#items[2 * item.place + 1];
      const right = this.#items[2 * item.place + 2];
      const child = right && left && isBefore(right, left) ? right : left;
      if (!child || !isBefore(child, item)) return;
      this.#swap(child, item);
    }
  }

  #swap(a: T, b: T): void {
    const place = a.place;
    a.place = b.place;
    b.place = place;
    this.#items[a.place] = a;
    this.#items[b.place] = b;
  }
}

function isBefore(a: HeapItem, b: HeapItem): boolean {
  return a.key < b.key || (a.key === b.key && a.id < b.id);
}
