// A binary heap of due times, and an asynchronous call in AsyncLocalStorage for each that is due: what memory could do if it
// kept no lease, no history and no events.
import { AsyncLocalStorage } from 'node:async_hooks';

/** A binary heap of `[time, id]`, least time first. */
class Heap {
  items = [];

  push(item) {
    const { items } = this;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent].time <= item.time) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  pop() {
    const { items } = this;
    const [first] = items;
    const last = items.pop();
    if (items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1].time < items[child].time) child += 1;
      if (items[child].time >= last.time) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = last;
    return first;
  }
}

/** The longest time that a timer waits, in ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** How many start before other work of the process has its turn. */
const TURN = 1_000;

async function open(site, handler) {
  const heap = new Heap();
  const storage = new AsyncLocalStorage();
  const call = async ({ id, time }) => handler(id, time);
  let timer;
  let running = 0;
  const pass = () => {
    let started = 0;
    for (; started < TURN && heap.items.length > 0 && heap.items[0].time <= Date.now(); started += 1) {
      const task = heap.pop();
      running += 1;
      void storage.run({ task, scheduledTime: task.time }, call, task).then(() => {
        running -= 1;
      });
    }
    if (started === TURN) timer = setImmediate(pass);
    else if (heap.items.length > 0)
      timer = setTimeout(pass, Math.min(LONGEST_MS, Math.max(1, heap.items[0].time - Date.now())));
  };
  return {
    async add(count, { from = 0, at = Date.now() } = {}) {
      for (let id = from; id < from + count; id += 1) heap.push({ id, time: typeof at === 'function' ? at(id) : at });
    },
    go: pass,
    left: async () => heap.items.length + running,
    kept: async () => null,
    async close() {
      clearTimeout(timer);
      clearImmediate(timer);
    },
  };
}

export const adapter = {
  packages: [],
  settings: {},
  describe: () => 'a binary heap and an asynchronous call in AsyncLocalStorage',
  open,
};
