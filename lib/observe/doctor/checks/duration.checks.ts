import { ENOUGH_RUNS } from '../../run.times.js';
import { count, inWords, of, ofTask, scheduled } from '../check.js';
import type { Check } from '../check.js';

/** From how many runs on a percentile is more than a first impression. */
const MANY_RUNS = 20;

/** Tasks that take longer than the time from one start to the next. */
export const longerThanInterval: Check = (store) =>
  scheduled(store).flatMap((facts) => {
    const { task, trigger, times } = facts;
    const gapMs = trigger?.gapMs ?? null;
    if (gapMs === null || times === null || times.count < ENOUGH_RUNS || times.p95Ms <= gapMs) return [];
    const { overlap } = task.definition.policies;
    return ofTask(store, facts, {
      code: 'interval-too-short',
      severity: 'warning',
      confidence: times.count >= MANY_RUNS ? 'likely' : 'possible',
      what: `The task "${task.id}" starts every ${inWords(gapMs)}, and one run in twenty takes ${inWords(times.p95Ms)} or longer`,
      why: {
        skip: 'times are skipped while a run is under way',
        queueOne: 'times are skipped while a run is under way and another waits',
        queueAll: 'runs queue up, and then are skipped',
        cancelRunning: 'runs are aborted by the next one',
        allow: 'more and more runs may be under way at a time',
      }[overlap],
      advice: 'Let it start less often, make it faster, or use a fixed delay, which counts from the end of a run',
      details: { intervalMs: gapMs, overlap, ...times },
    });
  });

/** Tasks that take longer than a lease: they depend on its renewals. */
export const longerThanLease: Check = (store, { leaseMs }) => {
  const long = store.tasks.filter(({ times }) => times !== null && times.count >= ENOUGH_RUNS && times.p95Ms > leaseMs);
  if (long.length === 0) return [];
  const lost = long.filter(({ times }) => times!.lost > 0);
  return [
    of('store', store.alias, store.alias, {
      code: 'lease-too-short',
      severity: lost.length > 0 ? 'warning' : 'info',
      confidence: lost.length > 0 ? 'likely' : 'possible',
      what:
        `${count(long.length, 'task')} of ${store.place} run longer than a lease of ${inWords(leaseMs)}` +
        (lost.length > 0 ? `, and runs of ${lost.length} of them were lost` : ''),
      why: 'they live by renewals: if the process is blocked or the store away for that long, the run is lost and starts again elsewhere',
      advice:
        'Make the option "lease" longer than outages that a run should survive; run what blocks in a worker or a process',
      details: {
        leaseMs,
        tasks: long.slice(0, 10).map(({ task, times }) => ({ id: task.id, p95Ms: times!.p95Ms, lost: times!.lost })),
      },
    }),
  ];
};

/** Tasks that may hang for longer than the time from one start to the next. */
export const longerTimeout: Check = (store) =>
  scheduled(store).flatMap((facts) => {
    const { task, trigger } = facts;
    const { timeoutMs, overlap } = task.definition.policies;
    const gapMs = trigger?.gapMs ?? null;
    if (gapMs === null || timeoutMs === null || timeoutMs <= gapMs || overlap === 'allow') return [];
    return ofTask(store, facts, {
      code: 'timeout-too-long',
      severity: 'info',
      confidence: 'possible',
      what: `The task "${task.id}" starts every ${inWords(gapMs)}, and a run may take ${inWords(timeoutMs)} until its timeout`,
      why: 'a run that hangs keeps the next ones from starting for that long',
      advice: 'Make the timeout shorter than the interval, unless runs are meant to take that long',
      details: { intervalMs: gapMs, timeoutMs, overlap },
    });
  });
