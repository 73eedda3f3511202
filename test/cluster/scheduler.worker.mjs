// A process for whole schedulers, one after the other, for the cluster tests. Argument: the built library. What it is told
// and what it tells goes through IPC: see scheduler.process.ts. What happens to runs is appended to a ledger with a
// synchronous write, so that it is known of however this process dies: see ledger.ts.
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';

const [library] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(library, path)).href);
// Without NestJS, which would cost each process half a second of the processor.
const { AsyncExecutor } = await load('executors/async.executor.js');
const { SystemClock } = await load('model/clock.js');
const { Scheduler } = await load('scheduler/scheduler.js');

/** A machine whose clock is wrong. */
class WrongClock extends SystemClock {
  constructor(offset) {
    super();
    this.offset = offset;
  }

  now() {
    return super.now() + this.offset;
  }
}

let scheduler;
let clock;
let file;

/** For how long this process did not get to do anything. */
const stalls = monitorEventLoopDelay({ resolution: 5 });
stalls.enable();

const note = (kind, { runId, attempt, token, coalesced = 0 }) =>
  writeSync(file, `${[kind, runId, attempt, token, coalesced, process.hrtime.bigint(), Date.now()].join('\t')}\n`);

/** Obeys its signal at once. A task says with its first argument how long its runs take, in milliseconds. */
async function work(ms, context) {
  note('S', context);
  if (ms > 0) {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      context.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        note('A', context);
        reject(context.signal.reason);
      });
    });
  }
  note('E', context);
  return ms;
}

/** A run of steps. Each notes what it does, and when its result is stored. */
const stepsHandler =
  ({ count, stepMs, table }) =>
  async (_args, context) => {
    note('S', context);
    const { runId, attempt, token, task } = context;
    const told = (kind, step) => note(kind, { runId, attempt, token, coalesced: step });
    const takeTime = () => new Promise((resolve) => setTimeout(resolve, stepMs));
    const write = (step) => async (manager) => {
      await manager.query(`INSERT INTO ${table} (task, step) VALUES ('${task.id}', ${step})`);
      await takeTime();
    };
    for (let step = 1; step <= count; step += 1) {
      if (table !== null && step === count) await context.transaction(write(step));
      else if (table !== null && step % 2 === 0) await context.transaction(`step ${step}`, write(step));
      else {
        await context.step(`step ${step}`, async () => {
          told('X', step);
          await takeTime();
        });
        told('Y', step);
      }
    }
    note('E', context);
  };

/** A run of a task that was asked for with `dedupe`: notes which of the calls it is of. */
async function asked(call, ms, context) {
  const { runId, attempt, token } = context;
  note('S', { runId, attempt, token, coalesced: call });
  await new Promise((resolve) => setTimeout(resolve, ms));
  note('E', { runId, attempt, token, coalesced: call });
}

/** What became of a call, as its number in the ledger. */
const OUTCOMES = ['added', 'replaced', 'existing'];

/** Asks for work with `dedupe`, of one key after the other at random, until it is told to stop. */
async function ask({ dedupes, first, workMs, pauseMs }, { signal }) {
  for (let call = first; !signal.aborted; call += 1) {
    const dedupe = dedupes[Math.floor(Math.random() * dedupes.length)];
    const of = { runId: `asked~${dedupe.key}@`, token: 0, coalesced: call };
    note('Q', { ...of, attempt: 0 });
    const answer = await scheduler
      .addTasks([{ handler: 'asked', args: [call, workMs], maxLost: 1_000, dedupe }])
      .catch(() => null);
    // Whatever befalls the store befalls the call: nobody has said that it is done.
    if (answer) note('C', { ...of, attempt: OUTCOMES.findIndex((outcome) => answer[outcome].length > 0) });
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2 * pauseMs));
  }
}

let quiet = new AbortController();
let asks = Promise.resolve();

/** What a handler can do to its process. */
const POISON = {
  kill: () => process.kill(process.pid, 'SIGKILL'),
  exit: () => process.exit(1),
  /** As a computation does, for so many milliseconds. */
  block: (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
};

const handlerOf = (name, workMs) =>
  name in POISON
    ? ([ms], context) => {
        note('S', context);
        POISON[name](ms);
        note('E', context);
      }
    : ([ms = workMs], context) => work(ms, context);

/** Notes which runs the log has an error about. */
const logger = {
  debug() {},
  info() {},
  warn() {},
  error(message) {
    const [, runId] = /^The run "(.+?)" .* was lost/.exec(message) ?? [];
    if (runId) note('G', { runId, attempt: 0, token: 0 });
  },
};

/** Has this process die right after the store has answered an exchange of a kind, the so-many-th time. */
function dieAfter(store, { answer, times }) {
  const exchange = store.exchange.bind(store);
  let left = times;
  store.exchange = async (asked) => {
    const exchanged = await exchange(asked);
    const hasTaken = (exchanged.taken?.tasks.length ?? 0) > 0;
    const hasWritten = (asked.write?.length ?? 0) > 0;
    const isMeant = { taken: hasTaken, written: hasWritten && !hasTaken, both: hasWritten && hasTaken }[answer];
    if (isMeant && --left === 0) process.kill(process.pid, 'SIGKILL');
    return exchanged;
  };
}

async function start({
  store,
  settings,
  ledger,
  concurrency,
  workMs = 0,
  clockOffsetMs = 0,
  declared,
  handlers,
  dies,
  steps,
  asks: plan,
}) {
  const { [store.className]: StoreClass } = await load(store.module);
  file = openSync(ledger, 'a');
  clock = new WrongClock(clockOffsetMs);
  const opened = new StoreClass(store.options);
  if (dies) dieAfter(opened, dies);
  scheduler = new Scheduler({
    ...settings,
    clock,
    logger,
    stores: { default: opened },
    executors: { default: new AsyncExecutor({ concurrency }) },
  });
  for (const name of handlers) {
    scheduler.registerHandler(name, name === 'steps' ? stepsHandler(steps) : handlerOf(name, workMs));
  }
  if (plan) {
    scheduler.registerHandler('asked', ([call, ms], context) => asked(call, ms, context));
  }
  scheduler.addListener((event) => note('R', event), 'run.fenced');
  scheduler.addListener(({ run }) => run.dead && note('D', { ...run, runId: run.id }), 'run.lost');
  scheduler.addListener(({ run }) => note('K', { ...run, runId: run.id }), 'run.skipped');
  scheduler.addListener(
    ({ name, taskId = null }) => process.send({ type: 'event', name, taskId }),
    ['task.added', 'store.failed', 'store.recovered', 'store.emptied', 'scheduler.clock-skew'],
  );
  scheduler.declareTasks(declared);
  await scheduler.start();
  stalls.reset();
  quiet = new AbortController();
  if (plan) asks = ask(plan, quiet);
}

async function obey({ type, ...message }) {
  if (type === 'start') {
    await start(message.options);
  } else if (type === 'quiet') {
    quiet.abort();
    await asks;
  } else if (type === 'stop') {
    quiet.abort();
    await scheduler.shutdown(message.timeoutMs);
    await asks;
    closeSync(file);
  } else if (type === 'step') {
    clock.offset += message.ms;
  } else if (type === 'stall') {
    return stalls.max / 1e6;
  } else if (type === 'memory') {
    return process.memoryUsage();
  }
  return null;
}

async function answer(message) {
  try {
    process.send({ type: 'done', value: await obey(message) });
  } catch (error) {
    process.send({ type: 'failed', message: error.stack });
  }
}

process.on('message', (message) => void answer(message));
process.on('disconnect', () => process.exit());
process.send({ type: 'done', value: null });
