/** Something that a heap can find again without a search, so that it can be removed. In one heap at a time. */
export interface HeapItem {
  /** What the heap is ordered by. */
  readonly key: number;
  /** Breaks ties. */
  readonly id: string;
  /** The slot that the heap keeps it in; written by the heap, -1 outside. */
  heapSlot: number;
}

/** How many children a node has. Four keys are half a cache line, and the heap is half as deep as with two. */
const CHILDREN = 4;
const FIRST_CAPACITY = 16;

/**
 * A heap whose items can be removed in O(log n). The smallest key is first, ties by id.
 *
 * Keys and positions are in arrays of numbers, and an item is only touched for a tie: with a million tasks the items are
 * spread over the whole memory, and moving one past 20 others would cost as many cache misses.
 */
export class IndexedHeap<T extends HeapItem> {
  #size = 0;
  /** By position: the key and then the slot of the item, side by side so that both come with one cache line. */
  #nodes = new Float64Array(2 * FIRST_CAPACITY);
  /** By slot: the position, and the item. An item knows its slot. */
  #positions = new Int32Array(FIRST_CAPACITY);
  readonly #items: (T | undefined)[] = [];
  readonly #freeSlots: number[] = [];

  get size(): number {
    return this.#size;
  }

  /** The first item. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#nodes[1]!];
  }

  push(item: T): void {
    const slot = this.#freeSlots.pop() ?? this.#items.length;
    const at = this.#size;
    if (at === this.#positions.length) this.#grow();
    this.#size += 1;
    this.#items[slot] = item;
    item.heapSlot = slot;
    this.#up(at, item.key, slot);
  }

  /** Puts an item where it belongs whose key has changed. */
  move(item: T): void {
    const at = this.#positions[item.heapSlot]!;
    if (at > 0 && this.#isBefore(item.key, item.heapSlot, (at - 1) >> 2)) this.#up(at, item.key, item.heapSlot);
    else this.#down(at, item.key, item.heapSlot);
  }

  remove(item: T): void {
    const slot = item.heapSlot;
    const at = this.#positions[slot]!;
    item.heapSlot = -1;
    this.#items[slot] = undefined;
    this.#freeSlots.push(slot);
    this.#size -= 1;
    if (at === this.#size) return;
    // The last one fills the gap, and goes where it belongs from there.
    const key = this.#nodes[2 * this.#size]!;
    const last = this.#nodes[2 * this.#size + 1]!;
    const parent = (at - 1) >> 2;
    if (at > 0 && this.#isBefore(key, last, parent)) this.#up(at, key, last);
    else this.#down(at, key, last);
  }

  /**
   * The items with a key up to `limit`, at most `count` of them, in order. Visits only those and their children, so the
   * cost does not grow with the heap.
   */
  upTo(limit: number, count: number): T[] {
    const found: T[] = [];
    const frontier: number[] = [];
    if (this.#size > 0 && this.#nodes[0]! <= limit) frontier.push(0);
    while (frontier.length > 0 && found.length < count) {
      const at = this.#popFirst(frontier);
      found.push(this.#items[this.#nodes[2 * at + 1]!]!);
      const firstChild = CHILDREN * at + 1;
      const end = Math.min(firstChild + CHILDREN, this.#size);
      for (let child = firstChild; child < end; child += 1) {
        if (this.#nodes[2 * child]! <= limit) this.#pushFrontier(frontier, child);
      }
    }
    return found;
  }

  /** How many items have a key that is not larger than the limit, counted up to `most`. */
  countUpTo(limit: number, most: number): number {
    let count = 0;
    const open = [0];
    for (let at = open.pop(); at !== undefined && count < most; at = open.pop()) {
      if (at >= this.#size || this.#nodes[2 * at]! > limit) continue;
      count += 1;
      for (let child = CHILDREN * at + 1; child <= CHILDREN * at + CHILDREN; child += 1) open.push(child);
    }
    return count;
  }

  /** Whether what has this key and slot comes before what is at a position. */
  #isBefore(key: number, slot: number, at: number): boolean {
    const other = this.#nodes[2 * at]!;
    return key < other || (key === other && this.#items[slot]!.id < this.#items[this.#nodes[2 * at + 1]!]!.id);
  }

  #up(from: number, key: number, slot: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (!this.#isBefore(key, slot, parent)) break;
      this.#put(at, this.#nodes[2 * parent]!, this.#nodes[2 * parent + 1]!);
      at = parent;
    }
    this.#put(at, key, slot);
  }

  #down(from: number, key: number, slot: number): void {
    let at = from;
    for (;;) {
      const firstChild = CHILDREN * at + 1;
      if (firstChild >= this.#size) break;
      const end = Math.min(firstChild + CHILDREN, this.#size);
      let least = firstChild;
      for (let child = firstChild + 1; child < end; child += 1) {
        if (this.#isBefore(this.#nodes[2 * child]!, this.#nodes[2 * child + 1]!, least)) least = child;
      }
      if (this.#isBefore(key, slot, least)) break;
      this.#put(at, this.#nodes[2 * least]!, this.#nodes[2 * least + 1]!);
      at = least;
    }
    this.#put(at, key, slot);
  }

  #put(at: number, key: number, slot: number): void {
    this.#nodes[2 * at] = key;
    this.#nodes[2 * at + 1] = slot;
    this.#positions[slot] = at;
  }

  #grow(): void {
    const nodes = new Float64Array(2 * this.#nodes.length);
    const positions = new Int32Array(this.#nodes.length);
    nodes.set(this.#nodes);
    positions.set(this.#positions);
    this.#nodes = nodes;
    this.#positions = positions;
  }

  /** The frontier is a binary heap of positions, by what is at them. */
  #pushFrontier(frontier: number[], position: number): void {
    let at = frontier.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#comesFirst(position, frontier[parent]!)) break;
      frontier[at] = frontier[parent]!;
      at = parent;
    }
    frontier[at] = position;
  }

  #popFirst(frontier: number[]): number {
    const first = frontier[0]!;
    const last = frontier.pop()!;
    const size = frontier.length;
    if (size === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#comesFirst(frontier[child + 1]!, frontier[child]!)) child += 1;
      if (!this.#comesFirst(frontier[child]!, last)) break;
      frontier[at] = frontier[child]!;
      at = child;
    }
    frontier[at] = last;
    return first;
  }

  #comesFirst(a: number, b: number): boolean {
    return this.#isBefore(this.#nodes[2 * a]!, this.#nodes[2 * a + 1]!, b);
  }
}
