import { DUE_KEY_NAMES } from '../../../lib/model/due-keys.js';
import type { RunRecord } from '../../../lib/model/run.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import type { Committed, Transacted } from '../../../lib/stores/store.interface.js';
import type { DueFilter, Selection } from '../../../lib/stores/selection.interface.js';
import type { Apply, Change } from '../../../lib/model/change.js';
import { changedTask } from '../../../lib/stores/task-change.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

/** What `transact` would be without any care: each step on its own. */
export abstract class CarelessStore extends HostStore {
  protected override async commit<T>(task: TaskRecord, change: Change<T>): Promise<Committed<T>> {
    this.saveRuns(change.history ?? []);
    const next = changedTask(task, change);
    if (next) await this.write(next);
    else await this.deleteTask(task.id);
    return { id: task.id, task: next, value: change.value };
  }
}

export const CLAIM_MUTANTS: readonly Mutant[] = [
  ...DUE_KEY_NAMES.map((key) => ({
    fault: `a claim leaves no task out by its ${key}`,
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        if (!('due' in selection)) return super.transact(selection, apply) as Promise<Transacted<T>>;
        const except = { ...selection.due.except, [key]: [] };
        return super.transact({ due: { ...selection.due, except } }, apply) as Promise<Transacted<T>>;
      }
    },
    // The rules of the other keys leave tasks out by all keys, too.
    caughtBy: DUE_KEY_NAMES.map((other) => `claims: passes by the tasks that are left out by their ${other}`),
  })),
  {
    fault: 'a claim goes by priority always',
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        const all = 'due' in selection ? { due: { ...selection.due, order: 'priority' as const } } : selection;
        return super.transact(all, apply) as Promise<Transacted<T>>;
      }
    },
    caughtBy: ['claims: takes the oldest first whatever its priority, where it is asked to'],
  },
  {
    fault: 'tasks are claimed of the handlers that are to be left out',
    create: class extends HostStore {
      protected override isAskedFor(task: TaskRecord, { notHandlers: _, ...filter }: DueFilter): boolean {
        return super.isAskedFor(task, filter);
      }
    },
    caughtBy: ['order and due times: leaves out the tasks of handlers that are not asked for'],
  },
  {
    fault: 'a change is read, decided and written without a lock',
    create: class extends CarelessStore {
      override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        const storeNow = await this.now();
        const committed: Committed<T>[] = [];
        for (const task of (await this.select(selection, storeNow)).tasks) {
          const change = apply(task, storeNow, []);
          if (change) committed.push(await this.commit(task, change));
        }
        return { committed, left: [], missing: [], unreadable: [], failed: [], storeNow };
      }
    },
    caughtBy: [
      'changes in one step: loses no change when two schedulers change the same task at the same time',
      'changes in one step: keeps an edit that is made elsewhere while tasks are changed',
      'claims: gives every task to one of two schedulers that claim at the same time',
      'claims: keeps a pause that is made elsewhere at the same time',
      'leases: gives the runs of a dead scheduler to one of two',
    ],
  },
  {
    fault: 'a task is written before its decision is whole',
    create: class extends CarelessStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        return this.exclusive(async () => {
          const storeNow = await this.now();
          const committed: Committed<T>[] = [];
          for (const task of (await this.select(selection, storeNow)).tasks) {
            await this.write({ ...task, version: task.version + 1 });
            const change = apply(task, storeNow, []);
            if (change) committed.push(await this.commit(task, change));
          }
          return { committed, left: [], missing: [], unreadable: [], failed: [], storeNow };
        });
      }
    },
    caughtBy: [
      'changes in one step: leaves a task as it was when the decision about it throws, and tells what it did to the others',
      'changes in one step: leaves a task alone when there is nothing to change',
      'claims: leaves a task as it was when the plan throws',
      'claims: leaves a task alone that the plan leaves alone',
    ],
  },
  {
    fault: 'a claim is written in two steps, the run and then the next time',
    create: class extends HostStore {
      protected override async write(task: TaskRecord): Promise<void> {
        const old = await this.read(task.id);
        if (old && !('unreadable' in old)) {
          const { nextRunTime, nextScheduledTime } = old.state;
          await super.write({ ...task, state: { ...task.state, nextRunTime, nextScheduledTime } });
        }
        await super.write(task);
      }
    },
    caughtBy: [
      'a backend that fails in the middle: leaves each task of a claim claimed or as it was, and held by nobody else for long',
      'a backend that fails in the middle: leaves an edit done or not, and its old time or its new one',
    ],
  },
  {
    fault: 'an add writes the id first and the task later, and a deletion leaves the id',
    create: class extends HostStore {
      protected override async write(task: TaskRecord): Promise<void> {
        if ((await this.read(task.id)) === null) this.disk.rows.set(task.id, '{}');
        await super.write(task);
      }
      override async deleteTask(id: string): Promise<boolean> {
        const text = this.disk.rows.get(id);
        if (text !== undefined) this.disk.rows.set(id, '{}');
        const deleted = await super.deleteTask(id);
        return deleted;
      }
    },
    caughtBy: [
      'a backend that fails in the middle: leaves each task of an add whole or not there',
      'a backend that fails in the middle: leaves a task there or deleted',
    ],
  },
  {
    fault: 'the history is written after the task, and what fails in between is lost',
    create: class extends HostStore {
      override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        const late: RunRecord[] = [];
        const result = await super.transact<T>(selection, (task, now, decided) => {
          const change = apply(task, now, decided);
          if (change) late.push(...(change.history ?? []));
          return change && { ...change, history: [] };
        });
        await this.disk.call();
        this.saveRuns(late);
        return result;
      }
    },
    caughtBy: ['a backend that fails in the middle: loses no end of a run, which can be given again'],
  },
  {
    fault: 'a change does not count the version up',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        return super.write({ ...task, version: 1 });
      }
    },
    caughtBy: [
      'changes in one step: reads, changes and counts the version up by one',
      'claims: starts what is due: the run, its lease and the next run time are written together',
      'ends of runs: ends a run: its lease goes, the history and the last run are written',
    ],
  },
  {
    fault: 'an id that is given twice is changed twice',
    create: class extends HostStore {
      override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        if ('due' in selection) return super.transact(selection, apply);
        const parts = [];
        for (const id of selection.ids) parts.push(await super.transact({ ids: [id] }, apply));
        return {
          committed: parts.flatMap((part) => part.committed),
          left: parts.flatMap((part) => part.left),
          missing: parts.flatMap((part) => part.missing),
          unreadable: parts.flatMap((part) => part.unreadable),
          failed: parts.flatMap((part) => part.failed),
          storeNow: await this.now(),
        };
      }
    },
    caughtBy: ['changes in one step: takes an id that is given twice as given once'],
  },
  {
    fault: 'a change of no ids is a change of all tasks',
    create: class extends HostStore {
      override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        if ('due' in selection || selection.ids.length > 0) return super.transact(selection, apply);
        return super.transact({ ids: [...this.disk.rows.keys()] }, apply);
      }
    },
    caughtBy: ['changes in one step: does nothing for no ids'],
  },
  {
    fault: 'a claim takes more than its limit',
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        const all = 'due' in selection ? { due: { ...selection.due, limit: 1_000 } } : selection;
        return super.transact(all, apply) as Promise<Transacted<T>>;
      }
    },
    caughtBy: [
      'changes in one step: selects the due tasks in the order of priority, due time and id, up to a limit',
      'claims: takes no more than the limit, the first by priority, due time and id',
      'claims: takes the oldest first whatever its priority, where it is asked to',
      'claims: gives every task to one of two schedulers that claim at the same time',
    ],
  },
  {
    fault: 'a claim takes tasks of any handler',
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        const all = 'due' in selection ? { due: { ...selection.due, handlers: null } } : selection;
        return super.transact(all, apply) as Promise<Transacted<T>>;
      }
    },
    caughtBy: [
      'claims: takes only tasks of the handlers that are asked for',
      'claims: is not held up by due tasks of other handlers in front',
      'values and ids: keeps handlers, names, tags and owners of any kind',
    ],
  },
  {
    fault: 'a claim looks at the first due tasks and then at their handlers',
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        if ('ids' in selection) return super.transact(selection, apply) as Promise<Transacted<T>>;
        const { handlers } = selection.due;
        return super.transact({ due: { ...selection.due, handlers: null } }, (task, now, decided) =>
          handlers && !handlers.includes(task.definition.handler) ? null : apply(task, now, decided),
        ) as Promise<Transacted<T>>;
      }
    },
    caughtBy: ['claims: is not held up by due tasks of other handlers in front'],
  },
  {
    fault: 'nobody says what is next',
    create: class extends HostStore {
      override nextDueFor(): Promise<null> {
        return Promise.resolve(null);
      }
    },
    caughtBy: ['claims: takes nothing that is not due', 'claims: says when the next task of the asked handlers is due'],
  },
  {
    fault: 'leases are not looked at: what is under way is taken again',
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        if ('ids' in selection) return super.transact(selection, apply) as Promise<Transacted<T>>;
        return super.transact(selection, (task, now, decided) => {
          const change = apply(task, now, decided);
          if (!change?.task) return change;
          const live = change.task.state.live.map((run) => ({ ...run, leaseUntil: now }));
          return { ...change, task: { ...change.task, state: { ...change.task.state, live } } };
        }) as Promise<Transacted<T>>;
      }
    },
    caughtBy: ['claims: does not take a task again while its lease holds'],
  },
  {
    fault: 'a claim does not write what did not run',
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        if ('ids' in selection) return super.transact(selection, apply) as Promise<Transacted<T>>;
        return super.transact(selection, (task, now, decided) => {
          const change = apply(task, now, decided);
          return change && { ...change, history: [] };
        }) as Promise<Transacted<T>>;
      }
    },
    caughtBy: [
      'claims: records what did not run in the same step, and removes a task that is done',
      'leases: lets another scheduler take over when a lease ran out, and not before',
    ],
  },
];
