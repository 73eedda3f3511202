import { HANDLER_MISSING } from '../../../model/task.js';
import { count, of, ofTask, scheduled, when } from '../check.js';
import type { Check } from '../check.js';

/** Tasks whose trigger has a fault, is not known here, or never has a time. */
export const neverFires: Check = (store) =>
  store.tasks.flatMap((facts) => {
    const { task, trigger, isHeld } = facts;
    const { problem, exhausted, nextRunTime } = task.state;
    const { id, definition } = task;
    if (problem !== null && problem.code !== HANDLER_MISSING) {
      return ofTask(store, facts, {
        code: 'task-problem',
        severity: 'error',
        confidence: 'certain',
        what: `The task "${id}" cannot be scheduled: ${problem.message}`,
        why: 'it is tried again with growing pauses, and does not run until the fault is gone',
        advice: 'Correct its trigger, or bring the code that it needs',
        details: { problem: problem.code, since: when(problem.at), times: problem.count },
      });
    }
    if (isHeld || trigger === null) return [];
    if (trigger.fault !== null && !exhausted) {
      return ofTask(store, facts, {
        code: 'trigger-broken',
        severity: 'error',
        confidence: 'certain',
        what: `The trigger of the task "${id}" cannot be asked for its times here: ${trigger.fault}`,
        why: 'the next claim of the task will find that too, and it will not run',
        advice: 'Register its type and its calendars in this application, or give the task another trigger',
        details: { trigger: definition.trigger.type },
      });
    }
    if (trigger.advance !== 'schedule' || trigger.ends) return [];
    const isStuck = nextRunTime === null || trigger.next.length === 0;
    if (trigger.impossible === null && !isStuck) return [];
    return ofTask(store, facts, {
      code: 'task-never-fires',
      severity: 'error',
      confidence: 'certain',
      what: `The task "${id}" never runs again: ${trigger.impossible ?? 'its trigger has no time from now on'}`,
      why: 'nothing reports it, since nothing fails',
      advice: 'Correct the schedule or its calendar, or remove the task',
      details: { trigger: definition.trigger.type },
    });
  });

/** Tasks at times that a change of clocks skips or repeats. */
export const changesOfClocks: Check = (store) =>
  scheduled(store).flatMap((facts) => {
    const [first] = facts.trigger?.touched ?? [];
    if (first === undefined) return [];
    const { touched, zones } = facts.trigger!;
    const isSkipped = touched.some(({ dst }) => dst === 'skipped');
    const how = { gap: 'moves', overlap: 'comes twice on the clock', skipped: 'is skipped' }[first.dst];
    return ofTask(store, facts, {
      code: 'task-at-change-of-clocks',
      severity: isSkipped ? 'warning' : 'info',
      confidence: 'certain',
      what: `A time of the task "${facts.task.id}" ${how} when the clocks change: ${when(first.at)} (${zones.join(', ')})`,
      why: isSkipped ? 'it does not run that day' : 'it runs at another hour of that day than on others, or twice',
      advice: 'Choose an hour at which no clocks change, such as 04:30, or UTC, or say by "dst" what you want',
      details: { zones, touched: touched.map(({ at, dst }) => ({ at: when(at), dst })) },
    });
  });

/** Many tasks that start in one second. */
export const sameSecond: Check = (store, { sameSecond: most }) => {
  const seconds = new Map<number, string[]>();
  for (const { task } of scheduled(store)) {
    const { nextRunTime } = task.state;
    if (nextRunTime === null || nextRunTime < store.now) continue;
    const second = Math.floor(nextRunTime / 1_000) * 1_000;
    const ids = seconds.get(second);
    if (ids) ids.push(task.id);
    else seconds.set(second, [task.id]);
  }
  return [...seconds].flatMap(([second, ids]) => {
    if (ids.length < most) return [];
    return of('store', store.alias, store.alias, {
      code: 'tasks-start-together',
      severity: 'warning',
      confidence: 'possible',
      what: `${count(ids.length, 'task')} start in the same second: ${when(second)}`,
      why: 'the store, the executors and what the tasks call get all of them at once, and nothing at other times',
      advice: 'Spread them: give them a jitter, or "H" instead of a fixed minute in a cron expression',
      details: { at: when(second), count: ids.length, some: ids.slice(0, 10) },
    });
  });
};

/** Wall-clock times in UTC because nobody said another zone, on a host that has one. */
export const noZone: Check = (store, { hasTimezone, timezone, hostTimezone }) => {
  if (hasTimezone || isUtc(hostTimezone)) return [];
  const concerned = scheduled(store).filter(({ trigger }) => trigger?.zones.includes(timezone) === true);
  if (concerned.length === 0) return [];
  return [
    of('scheduler', 'timezone', store.alias, {
      code: 'timezone-missing',
      severity: 'warning',
      confidence: 'likely',
      what: `${count(concerned.length, 'task')} of ${store.place} run at wall-clock times of ${timezone}, since no option names a zone; the host is in ${hostTimezone}`,
      why: 'whoever wrote "at 9" may have meant 9 by the clock on the wall',
      advice: 'Say the option "timezone" of the scheduler or of the triggers; "UTC" if that is meant',
      details: { hostTimezone, tasks: concerned.length, some: concerned.slice(0, 10).map(({ task }) => task.id) },
    }),
  ];
};

function isUtc(zone: string): boolean {
  return /^(Etc\/)?(UTC|UCT|GMT|Universal|Zulu|Greenwich)([+-]?0)?$/.test(zone);
}
