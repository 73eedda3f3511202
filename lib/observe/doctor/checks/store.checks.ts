import { count, of, when } from '../check.js';
import type { Check } from '../check.js';

/** A store that does not answer, or refuses. */
export const unreachable: Check = (store) => {
  const reason = store.fault ?? (store.isFailing ? (store.lastError ?? 'its loop fails') : null);
  if (reason === null) return [];
  return [
    of('store', store.alias, store.alias, {
      code: 'store-failing',
      severity: 'error',
      confidence: 'certain',
      what: `There is no answer of ${store.place}: ${reason}`,
      why: 'nothing of it runs in this process until it answers',
      advice: 'Look at the server, the network and the credentials',
      details: { reason },
    }),
  ];
};

/** A store whose contents were gone. */
export const emptied: Check = (store) => {
  if (store.emptiedAt === null) return [];
  return [
    of('store', store.alias, store.alias, {
      code: 'store-emptied',
      severity: 'error',
      confidence: 'certain',
      what: `What was in ${store.place} was gone at ${when(store.emptiedAt)}`,
      why: 'tasks of the code were added again; those that were added at run time are lost, and so is the history',
      advice: 'Find out who emptied or replaced it, and add what was lost',
      details: { at: when(store.emptiedAt) },
    }),
  ];
};

/** Records that cannot be read. */
export const unreadable: Check = (store) => {
  const { count: number, ids } = store.unreadable;
  if (number === 0) return [];
  return [
    of('store', store.alias, store.alias, {
      code: 'tasks-unreadable',
      severity: 'error',
      confidence: 'certain',
      what: `${count(number, 'record')} of ${store.place} cannot be read`,
      why: 'they stay as they are, and do not run',
      advice: 'Look at each with getTaskInfo: a key or a serializer may be missing, or somebody changed the record',
      details: { count: number, some: ids },
    }),
  ];
};

/** Tasks in clear where others can read them. */
export const inClear: Check = (store, { hasKeys }) => {
  const { coordination, durable } = store.capabilities;
  if (hasKeys || coordination !== 'cluster' || !durable) return [];
  return [
    of('store', store.alias, store.alias, {
      code: 'encryption-off',
      severity: 'info',
      confidence: 'certain',
      what: `The arguments and results of tasks are in clear in ${store.place}`,
      why: 'whoever can read the database or a backup of it can read them',
      advice: 'Set the option "encryption" if they hold anything that others must not see',
      details: {},
    }),
  ];
};

/** A history that only grows. */
export const historyGrows: Check = (store, { prunes }) => {
  const forever = {
    code: 'history-grows',
    severity: 'warning',
    why: 'it takes more and more room, and queries of it more time',
  } as const;
  if (!prunes) {
    return [
      of('store', store.alias, store.alias, {
        ...forever,
        confidence: 'certain',
        what: `The history of ${store.place} is kept for ever`,
        advice: 'Set the option "retention", or remove ended runs yourself',
        details: {},
      }),
    ];
  }
  if (store.unpruned === null) return [];
  return [
    of('store', store.alias, store.alias, {
      ...forever,
      confidence: 'certain',
      what: `The history of ${store.place} has runs that should have been removed: one ended at ${when(store.unpruned)}`,
      advice:
        'Look for warnings about cleaning up in the log of the worker that is there longest; keep fewer runs by the policy "history"',
      details: { endedAt: when(store.unpruned) },
    }),
  ];
};

/** What the store says of itself. */
export const ownFindings: Check = (store) =>
  store.own.map((finding) => of('store', store.alias, store.alias, { ...finding, details: finding.details ?? {} }));
