// How the memory store grows: `npm run build && node benchmark/memory-store.bench.mjs`.
// Adding, changing, removing and finding the earliest at 10,000, 100,000 and 1,000,000 tasks, in one process.
// Arguments: the sizes (default: 10000 100000 1000000).
import { MemoryStore } from '../dist/stores/memory/memory.store.js';
import { createStoreContext } from '../dist/testing/store-context.js';
import { makeTask } from '../dist/testing/task.fixtures.js';

const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10_000, 100_000, 1_000_000];
/** Operations of one measurement: enough for the clock, too few for the garbage collector to be in every one. */
const BATCH = 20;
const BATCHES = 3_000;
const WARM_UP = 500;
const SPAN_MS = 365 * 86_400_000;
const START = 0;

/** A small generator with a seed, so that every size and every run does the same. */
function createRandom(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const idOf = (at) => `task-${at}`;

/** The median time of one call, in nanoseconds. What `prepare` and `undo` do is not counted. */
function measure(prepare, operation, undo) {
  const times = [];
  for (let batch = 0; batch < WARM_UP + BATCHES; batch += 1) {
    const items = Array.from({ length: BATCH }, prepare);
    const start = performance.now();
    for (const item of items) operation(item);
    times.push(((performance.now() - start) / BATCH) * 1e6);
    for (const item of items) undo?.(item);
  }
  return median(times.slice(WARM_UP));
}

function measureSize(size) {
  const random = createRandom(size);
  const store = new MemoryStore();
  store.start(createStoreContext());
  const newTask = (at) => makeTask(idOf(at), { nextRunTime: START + random(SPAN_MS) });
  for (let at = 0; at < size; at += 1) store.addTask(newTask(at));
  globalThis.gc?.();
  let next = size;
  const taken = new Set();
  /** A task that no other operation of the batch is about, by its id alone: its record is as cold as it is in real use. */
  const pick = () => {
    if (taken.size >= BATCH) taken.clear();
    for (;;) {
      const at = random(size);
      if (taken.has(at)) continue;
      taken.add(at);
      return at;
    }
  };
  const postpone = (selection, later) =>
    store.transact(selection, (task) => ({
      task: { ...task, state: { ...task.state, nextRunTime: later } },
      history: [],
      value: null,
    }));
  return {
    adding: measure(
      () => newTask((next += 1)),
      (task) => store.addTask(task),
      ({ id }) => store.deleteTask(id),
    ),
    changing: measure(
      () => ({ ids: [idOf(pick())], later: START + random(SPAN_MS) }),
      ({ ids, later }) => postpone({ ids }, later),
    ),
    removing: measure(
      () => idOf(pick()),
      (id) => store.deleteTask(id),
      (id) => store.addTask(makeTask(id, { nextRunTime: START + random(SPAN_MS) })),
    ),
    'finding the earliest': measure(
      () => null,
      () => store.getNextRunTime(),
    ),
    'taking the earliest and putting it back later': measure(
      () => START + random(SPAN_MS),
      (later) => postpone({ due: { limit: 1, handlers: null } }, later),
    ),
  };
}

const results = SIZES.map((size) => {
  const result = measureSize(size);
  globalThis.gc?.();
  return result;
});
const cell = (text) => String(text).padStart(12);
console.log(
  `${'ns a call, median'.padEnd(48)}${SIZES.map((size) => cell(size.toLocaleString('en'))).join('')}${cell('ratio')}`,
);
let worst = 0;
for (const name of Object.keys(results[0])) {
  const times = results.map((result) => result[name]);
  const ratio = times.at(-1) / times[0];
  worst = Math.max(worst, ratio);
  console.log(`${name.padEnd(48)}${times.map((time) => cell(Math.round(time))).join('')}${cell(ratio.toFixed(2))}`);
}
console.log(`The largest takes ${worst.toFixed(2)} times as long as the smallest at the most; allowed: 3.`);
process.exitCode = worst > 3 ? 1 : 0;
