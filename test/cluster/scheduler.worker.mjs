// A process with a whole scheduler, for the cluster tests. Arguments: the built library, and how it is to work as JSON (see
// SchedulerWorkerOptions). What happens is appended to a ledger with a synchronous write, so that it is known of however
// this process dies: S a start, E an end, A an aborted signal, R a refused end, each with run, attempt and token.
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [library, given] = process.argv.slice(2);
const {
  store,
  settings = {},
  ledger,
  concurrency = 20,
  workMs = 0,
  clockOffsetMs = 0,
  declared = [],
  handlers = ['work'],
} = JSON.parse(given);
const load = (path) => import(pathToFileURL(join(library, path)).href);
const { AsyncExecutor, Scheduler, SystemClock } = await load('index.js');
const { [store.className]: StoreClass } = await load(store.module);

/** A machine whose clock is wrong. */
class WrongClock extends SystemClock {
  offset = clockOffsetMs;
  now() {
    return super.now() + this.offset;
  }
}

const file = openSync(ledger, 'a');
const note = (kind, { runId, attempt, token }) =>
  writeSync(file, `${kind}\t${runId}\t${attempt}\t${token}\t${process.hrtime.bigint()}\n`);

const clock = new WrongClock();
const scheduler = new Scheduler({
  ...settings,
  clock,
  stores: { default: new StoreClass(store.options) },
  executors: { default: new AsyncExecutor({ concurrency }) },
});
const work = async (_args, context) => {
  note('S', context);
  if (workMs > 0) {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, workMs);
      context.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        note('A', context);
        reject(context.signal.reason);
      });
    });
  }
  note('E', context);
};
for (const name of handlers) scheduler.registerHandler(name, work);
scheduler.addListener(({ runId, attempt, token }) => note('R', { runId, attempt, token }), 'run.fenced');
scheduler.addListener(
  ({ name, store: alias }) => process.send?.({ type: name, store: alias }),
  ['store.failed', 'store.recovered', 'scheduler.clock-skew'],
);
scheduler.declareTasks(declared);

process.on('message', async (message) => {
  if (message.type === 'stop') {
    await scheduler.shutdown(message.timeoutMs);
    closeSync(file);
    process.send({ type: 'stopped' }, () => process.disconnect());
  } else if (message.type === 'step') {
    clock.offset += message.ms;
  }
});
await scheduler.start();
process.send({ type: 'ready' });
