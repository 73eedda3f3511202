// A process that claims and ends runs until it is told to stop. Arguments: the built library, how it is to work as JSON
// (see ClaimingOptions), its name. What it starts it tells its parent before it ends it, so that a run is known of
// however this dies.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [library, given, owner] = process.argv.slice(2);
const { subpath, className, options, leaseMs = 30_000, limit = 200 } = JSON.parse(given);
const load = (path) => import(pathToFileURL(join(library, path)).href);
const { [className]: StoreClass } = await load(`stores/${subpath}/${subpath}.store.js`);
const { createStoreContext } = await load('testing/store-context.js');
const { resultOf, startDue } = await load('testing/plan.fixtures.js');
const { claimDue, finishRuns } = await load('testing/store.steps.js');

const stop = new AbortController();
let wake = () => {};

/** Resolves when the message is in the pipe. */
const tell = (message) =>
  new Promise((resolve, reject) => process.send(message, (error) => (error ? reject(error) : resolve())));

/** Sleeps until it is woken, or the time has passed. */
const sleep = (ms) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms));
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });

/** Tries again while the server is away, as the scheduler does. */
async function persist(work) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (failures > 300 || error.code !== 'ASYNCZ_STORE_UNAVAILABLE') throw error;
      await tell({ type: 'failed', message: error.message });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function finish(store, results, known) {
  let left = results;
  while (left.length > 0) {
    const { settled, refused } = await persist(() => finishRuns(store, left, known));
    const done = new Set([...settled, ...refused].map(({ runId }) => runId));
    if (refused.length > 0) await tell({ type: 'refused', runs: refused.map(({ runId }) => runId) });
    left = left.filter(({ runId }) => !done.has(runId));
  }
}

const store = new StoreClass(options);
await store.start(createStoreContext({ identity: owner }));
store.onWake(() => wake());
process.on('message', (message) => {
  if (message !== 'stop') return;
  stop.abort();
  wake();
});
await tell({ type: 'ready' });
const request = { limit, handlers: ['work'] };
while (!stop.signal.aborted) {
  const { claimed, storeNow, nextDue } = await persist(() => claimDue(store, request, startDue(owner, leaseMs)));
  const at = process.hrtime.bigint().toString();
  const started = claimed.flatMap(({ start }) => start.map(({ id, attempt, token }) => ({ id, attempt, token })));
  if (started.length > 0) await tell({ type: 'started', at, runs: started });
  await finish(
    store,
    claimed.flatMap(({ task, start }) => start.map((run) => resultOf(task, run, 'succeeded'))),
    claimed.map(({ task }) => task),
  );
  if (claimed.length > 0) continue;
  const nextDueAt = await persist(nextDue);
  await sleep(nextDueAt === null ? 1_000 : Math.min(nextDueAt - storeNow, 1_000));
}
await store.shutdown();
await tell({ type: 'stopped' });
process.disconnect();
