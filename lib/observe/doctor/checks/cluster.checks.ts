import type { Finding } from '../diagnosis.js';
import type { SchedulerFacts, StoreFacts, TaskFacts } from '../facts.js';
import { count, inWords, of } from '../check.js';
import type { Check } from '../check.js';

/** How far the clock of a process may be off the store's, in milliseconds. */
const MAX_CLOCK_OFFSET_MS = 1_000;

/** Nobody who would run what is due. */
export const noWorkers: Check = (store) => {
  if (store.workers.length > 0 || store.total === 0) return [];
  return [
    of('store', store.alias, store.alias, {
      code: 'no-workers',
      severity: 'error',
      confidence: 'certain',
      what: `No live scheduler works on ${store.place}, which has ${count(store.total, 'task')}`,
      why: 'nothing runs',
      advice: 'Start the application, or a worker',
      details: { tasks: store.total, clients: store.alive.length },
    }),
  ];
};

/** Processes whose clock differs from the store's. */
export const clocksDiffer: Check = (store) =>
  store.alive
    .filter(({ clockOffsetMs }) => Math.abs(clockOffsetMs) > MAX_CLOCK_OFFSET_MS)
    .map(({ identity, host, clockOffsetMs }) =>
      of('instance', identity, store.alias, {
        code: 'clocks-differ',
        severity: 'warning',
        confidence: 'certain',
        what: `The clock of ${host} is ${inWords(Math.abs(clockOffsetMs))} ${clockOffsetMs > 0 ? 'ahead of' : 'behind'} that of ${store.place}`,
        why: 'due times and leases follow the store, so nothing runs wrong; what handlers read, write and log is off',
        advice: 'Synchronise the clocks of the hosts (NTP, chrony)',
        details: { host, clockOffsetMs },
      }),
    );

/** Live processes of several versions of this library. */
export const versionsDiffer: Check = (store) => {
  const versions = [...new Set(store.alive.map(({ version }) => version))].sort();
  if (versions.length < 2) return [];
  return [
    of('store', store.alias, store.alias, {
      code: 'versions-differ',
      severity: 'warning',
      confidence: 'certain',
      what: `The live schedulers of ${store.place} have several versions of nestjs-asyncz: ${versions.join(', ')}`,
      why: 'an older one may not read what a newer one writes; during a deploy it is as it should be, later it is not',
      advice: 'Finish the deploy, or find the process that was forgotten',
      details: {
        instances: store.alive.map(({ identity, host, version }) => ({ identity, host, version })).slice(0, 50),
      },
    }),
  ];
};

/** Tasks whose handler or executor no live worker has. */
export const nobodyHas: Check = (store) => {
  if (store.workers.length === 0) return [];
  const handlers = new Set(store.workers.flatMap((worker) => worker.handlers));
  const executors = new Set(store.workers.flatMap((worker) => worker.executors.map(({ alias }) => alias)));
  const concerned = store.tasks.filter(({ isHeld, task }) => !isHeld && !task.state.exhausted);
  return [
    ...missing(store, 'handler', concerned, (facts) => facts.task.definition.handler, handlers),
    ...missing(store, 'executor', concerned, (facts) => facts.task.definition.executor, executors),
  ];
};

function missing(
  store: StoreFacts,
  kind: 'handler' | 'executor',
  tasks: readonly TaskFacts[],
  nameOf: (facts: TaskFacts) => string,
  there: ReadonlySet<string>,
): Finding[] {
  const lacking = new Map<string, string[]>();
  for (const facts of tasks) {
    const name = nameOf(facts);
    if (there.has(name)) continue;
    lacking.set(name, [...(lacking.get(name) ?? []), facts.task.id]);
  }
  return [...lacking].map(([name, ids]) =>
    of(kind, name, store.alias, {
      code: `${kind}-missing`,
      severity: 'error',
      confidence: 'certain',
      what: `No live scheduler has the ${kind} "${name}" that ${count(ids.length, 'task')} of ${store.place} name`,
      why: 'the tasks stay due and do not run',
      advice: `Deploy the code that has the ${kind}, or change or remove the tasks`,
      details: { tasks: ids.length, some: ids.slice(0, 10) },
    }),
  );
}

/** Due tasks that wait for too long, and the executors that they wait for. */
export const tasksWait: Check = (store, scheduler) => {
  const waiting = waitingTasks(store, scheduler);
  const full = new Map<string, TaskFacts[]>();
  const others: TaskFacts[] = [];
  for (const facts of waiting) {
    const alias = facts.task.definition.executor;
    if (!isFull(store, alias)) others.push(facts);
    else full.set(alias, [...(full.get(alias) ?? []), facts]);
  }
  const found = [...full].map(([alias, tasks]) =>
    of('executor', alias, store.alias, {
      code: 'executor-full',
      severity: 'warning',
      confidence: 'likely',
      what: `The executor "${alias}" is full in every live scheduler, and ${count(tasks.length, 'due task')} wait for it, the longest for ${inWords(longest(store, tasks))}`,
      why: 'there is more to run than there is room',
      advice: 'Raise the concurrency of the executor, start more workers, or run these tasks less often',
      details: waitDetails(store, tasks),
    }),
  );
  if (others.length === 0) return found;
  const groups = new Set(others.flatMap(({ task }) => task.definition.policies.group ?? []));
  return [
    ...found,
    of('store', store.alias, store.alias, {
      code: 'tasks-wait',
      severity: 'warning',
      confidence: 'certain',
      what: `${count(others.length, 'due task')} of ${store.place} wait, the longest for ${inWords(longest(store, others))}`,
      why: 'they should have started',
      advice:
        groups.size > 0
          ? 'Look at the limits of their groups, at the load of the workers, and whether a scheduler is paused or drained'
          : 'Look at the load of the workers and of the store, and whether the schedulers are paused or drained',
      details: { ...waitDetails(store, others), groups: [...groups].slice(0, 10) },
    }),
  ];
};

/** Those that somebody could run. */
function waitingTasks(store: StoreFacts, { maxWaitMs }: SchedulerFacts): readonly TaskFacts[] {
  const handlers = new Set(store.workers.flatMap((worker) => worker.handlers));
  return store.tasks.filter(
    ({ dueAt, task }) => dueAt !== null && store.now - dueAt > maxWaitMs && handlers.has(task.definition.handler),
  );
}

/** Whether every live worker that has the executor says that it takes no more. */
function isFull({ workers }: StoreFacts, alias: string): boolean {
  const uses = workers.flatMap(({ executors }) => executors.filter((use) => use.alias === alias));
  return uses.length > 0 && uses.every(({ room }) => room === 0);
}

function longest({ now }: StoreFacts, tasks: readonly TaskFacts[]): number {
  return Math.max(...tasks.map(({ dueAt }) => now - dueAt!));
}

function waitDetails(store: StoreFacts, tasks: readonly TaskFacts[]) {
  return { tasks: tasks.length, longestMs: longest(store, tasks), some: tasks.slice(0, 10).map(({ task }) => task.id) };
}
