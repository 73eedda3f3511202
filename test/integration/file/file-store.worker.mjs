// A process with a file store that does what its parent asks. Arguments: the built library, the store's options as JSON,
// its name. It tells the parent what it is about to do and what it has done, so that all is known however it dies.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [library, options, owner] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(library, path)).href);
const { FileStore } = await load('stores/file/file.store.js');
const { createStoreContext } = await load('testing/store-context.js');
const { resultOf, startDue } = await load('testing/plan.fixtures.js');
const { claimDue, finishRuns } = await load('testing/store.steps.js');
const { makeTask } = await load('testing/task.fixtures.js');

/** Resolves when the message is in the pipe. */
const tell = (message) =>
  new Promise((resolve, reject) => process.send(message, (error) => (error ? reject(error) : resolve())));

const store = new FileStore(JSON.parse(options));
const isFull = (error) => error.code === 'ASYNCZ_FILE_DISK_FULL';

async function claimAndFinish(limit, leaseMs) {
  const request = { limit, handlers: null };
  const { claimed } = await claimDue(store, request, startDue(owner, leaseMs));
  if (claimed.length === 0) return [];
  await tell({ type: 'finishing', ids: claimed.map(({ id }) => id) });
  const { settled } = await finishRuns(
    store,
    claimed.flatMap(({ task, start }) => start.map((run) => resultOf(task, run, 'succeeded'))),
    claimed.map(({ task }) => task),
  );
  return settled.map(({ taskId }) => taskId);
}

/** Adds, changes, claims and ends for ever, several at the same time. */
function churn({ claims, leaseMs, most }) {
  let number = 0;
  const mine = [];
  const forever = async (work) => {
    for (;;) {
      try {
        await work();
      } catch (error) {
        if (!isFull(error)) throw error;
        await tell({ type: 'full' });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const add = async () => {
    // The next one, which takes over, has to read them all.
    if (number >= most) return new Promise((resolve) => setTimeout(resolve, 20));
    const ids = Array.from({ length: 1 + (number % 4) }, () => `${owner}/${(number += 1)}`);
    await tell({ type: 'adding', ids });
    await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: 1, args: ['x'.repeat(200)] })));
    await tell({ type: 'added', ids });
    mine.push(...ids);
  };
  const change = async () => {
    const id = mine.shift();
    if (id === undefined) return new Promise((resolve) => setTimeout(resolve, 2));
    const { committed } = await store.transact({ ids: [id] }, (task) => ({
      task: { ...task, definition: { ...task.definition, name: 'changed' } },
      history: [],
      value: null,
    }));
    if (committed.length > 0) await tell({ type: 'changed', ids: [id] });
  };
  const claim = async () => {
    const ids = await claimAndFinish(6, leaseMs);
    if (ids.length > 0) await tell({ type: 'finished', ids });
    else await new Promise((resolve) => setTimeout(resolve, 5));
  };
  for (const work of [add, add, change, ...(claims ? [claim, claim] : [])]) {
    forever(work).catch((error) => tell({ type: 'failed', message: String(error.stack) }));
  }
}

const commands = {
  async start() {
    await store.start(createStoreContext({ identity: owner }));
  },
  churn(settings) {
    churn(settings);
  },
  /** Claims and ends until nothing is due; gives the ids of what it ran. */
  async drain(limit) {
    const ran = [];
    for (;;) {
      const ids = await claimAndFinish(limit, 600_000);
      if (ids.length === 0) return ran;
      ran.push(...ids);
    }
  },
  /** Takes the lock of the directory and keeps it. */
  async holdLock(key) {
    const { createHostLock } = await load('stores/file/host.lock.js');
    const { DirectoryLayout } = await load('stores/file/directory.layout.js');
    const { directory } = JSON.parse(options);
    await createHostLock(new DirectoryLayout(directory, '.task'), key, 10_000).acquire();
  },
  tellWakes() {
    store.onWake(() => void tell({ type: 'woken', ids: [] }));
  },
  pid: () => process.pid,
  becomeNobody() {
    process.seteuid(65_534);
  },
  async add(ids, fields) {
    await store.addTasks(ids.map((id) => makeTask(id, fields)));
  },
  async call(method, ...args) {
    return store[method](...args);
  },
};

process.on('message', ({ id, command, args }) => {
  Promise.resolve()
    .then(() => commands[command](...args))
    .then(
      (value) => tell({ id, value }),
      ({ name, code, message }) => tell({ id, error: { name, code, message } }),
    )
    .catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit(0));
await tell({ type: 'ready', ids: [] });
