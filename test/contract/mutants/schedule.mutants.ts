import { DUE_KEY_NAMES } from '../../../lib/model/due-keys.js';
import { isUnreadable } from '../../../lib/model/task.js';
import type { StoredTask, TaskRecord } from '../../../lib/model/task.js';
import type { PageRequest, StoredTaskFilter, StoredTaskPage, TaskSort } from '../../../lib/model/query.js';
import type { DueFilter } from '../../../lib/stores/selection.interface.js';
import { matchesTask, taskOrder } from '../../../lib/stores/task-query.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

function resumed(task: StoredTask): StoredTask {
  return isUnreadable(task) ? task : { ...task, state: { ...task.state, pause: null } };
}

function enabled(task: TaskRecord): TaskRecord {
  return { ...task, definition: { ...task.definition, declared: null } };
}

/** The task with its times rounded down to seconds. */
function rounded(task: TaskRecord): TaskRecord {
  const { nextRunTime } = task.state;
  return {
    ...task,
    state: { ...task.state, nextRunTime: nextRunTime === null ? null : Math.floor(nextRunTime / 1_000) * 1_000 },
  };
}

export const SCHEDULE_MUTANTS: readonly Mutant[] = [
  {
    fault: 'tasks without a next run time come first',
    create: class extends HostStore {
      override async getAllTasks(): Promise<readonly StoredTask[]> {
        const tasks = await super.getAllTasks();
        const hasNone = (task: StoredTask) => !isUnreadable(task) && task.state.nextRunTime === null;
        return [...tasks.filter(hasNone), ...tasks.filter((task) => !hasNone(task))];
      }
    },
    caughtBy: ['order and due times: lists tasks by next run time, ties by id, those without one last'],
  },
  {
    fault: 'times are kept in seconds',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        return super.write(rounded(task));
      }
    },
    caughtBy: [
      'order and due times: keeps milliseconds exactly, in the year 1970 and in 2200',
      'order and due times: follows a change of the next run time, in either direction',
      'order and due times: says when something of given handlers is due next',
      'claims: says when the next task of the asked handlers is due',
    ],
  },
  {
    fault: 'due tasks come by due time, whatever their priority',
    create: class extends HostStore {
      override async getDueTasks(now: number): Promise<readonly TaskRecord[]> {
        return (await super.getDueTasks(now)).toSorted((a, b) => a.state.nextRunTime! - b.state.nextRunTime!);
      }
    },
    caughtBy: [
      'order and due times: gives the due tasks by priority, then due time, then id',
      'claims: takes no more than the limit, the first by priority, due time and id',
      'changes in one step: selects the due tasks in the order of priority, due time and id, up to a limit',
    ],
  },
  {
    fault: 'a task is due a millisecond late',
    create: class extends HostStore {
      override getDueTasks(now: number): Promise<readonly TaskRecord[]> {
        return super.getDueTasks(now - 1);
      }
    },
    caughtBy: ['order and due times: counts a task due at the very millisecond, and not one before'],
  },
  {
    fault: 'a task is due that the code has disabled',
    create: class extends HostStore {
      override async getDueTasks(now: number): Promise<readonly TaskRecord[]> {
        return (await this.readAll())
          .filter((task): task is TaskRecord => !isUnreadable(task) && this.dueOf([enabled(task)], now).length > 0)
          .sort((a, b) => a.definition.policies.priority - b.definition.policies.priority);
      }
    },
    caughtBy: [
      'order and due times: counts a task that the code has disabled due for a lease that ran out alone, and as before when it is enabled',
    ],
  },
  {
    fault: 'a paused task is due',
    create: class extends HostStore {
      override async getDueTasks(now: number): Promise<readonly TaskRecord[]> {
        return this.dueOf((await this.readAll()).map(resumed), now);
      }
    },
    caughtBy: [
      'order and due times: never counts a paused task due, nor one without a next run time',
      'claims: takes nothing that is not due',
    ],
  },
  {
    fault: 'only the next run time makes a task due',
    create: class extends HostStore {
      override async getDueTasks(now: number): Promise<readonly TaskRecord[]> {
        return (await super.getDueTasks(now)).filter(
          ({ state }) => state.nextRunTime !== null && state.nextRunTime <= now && state.live.length === 0,
        );
      }
    },
    caughtBy: [
      'order and due times: counts a task due for a waiting run, for a lease that ran out, and for what was asked for while it is paused',
      'leases: lets another scheduler take over when a lease ran out, and not before',
      'leases: gives the runs of a dead scheduler to one of two',
      'leases: refuses the result of whoever was succeeded, and names it',
      'leases: does not prolong the lease of whoever was succeeded',
      'start and shutdown: lets the runs of a process that was killed be taken over after a restart',
      'ends of runs: lets a run that is given back start at once, without a trace in the history',
    ],
  },
  {
    fault: 'the next run time is remembered, and not looked at again',
    create: class extends HostStore {
      #known: number | null | undefined;
      override async getNextRunTime(): Promise<number | null> {
        return (this.#known ??= await super.getNextRunTime());
      }
    },
    caughtBy: [
      'order and due times: never counts a paused task due, nor one without a next run time',
      'order and due times: follows a change of the next run time, in either direction',
    ],
  },
  {
    fault: 'what other schedulers can run counts as due next',
    create: class extends HostStore {
      override nextDueFor(): Promise<number | null> {
        return this.getNextRunTime();
      }
    },
    caughtBy: [
      'order and due times: says when something of given handlers is due next',
      'claims: says when the next task of the asked handlers is due',
      'claims: is not held up by due tasks of other handlers in front',
    ],
  },
  ...DUE_KEY_NAMES.map((key) => ({
    fault: `what is left out by its ${key} counts as due next`,
    create: class extends HostStore {
      override nextDueFor(filter: DueFilter): Promise<number | null> {
        return super.nextDueFor({ ...filter, except: { ...filter.except, [key]: [] } });
      }
    },
    caughtBy: [
      // The rules of the other keys leave tasks out by all keys, too.
      ...DUE_KEY_NAMES.map(
        (other) => `order and due times: leaves tasks out of what is due next by their ${other}, where it is asked to`,
      ),
      `claims: passes by the tasks that are left out by their ${key}`,
    ],
  })),
  {
    fault: 'queries show internal records',
    create: class extends HostStore {
      override async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
        const tasks = (await this.getAllTasks()).filter((task) => matchesTask(task, filter)).sort(taskOrder(sort));
        return { tasks: tasks.slice(page.offset, page.offset + page.limit), total: tasks.length };
      }
    },
    caughtBy: ['order and due times: keeps internal records, which are never due and which no query shows'],
  },
];
