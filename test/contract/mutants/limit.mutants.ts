import type { Apply } from '../../../lib/model/change.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import type { Committed, Selection, Transacted } from 'nestjs-asyncz/store';
import { groupRecordId } from '../../../lib/scheduler/loop/slot.leases.js';
import { rateRecordId } from '../../../lib/scheduler/loop/rate.permits.js';
import { HostStore } from '../../support/host.store.js';
import { CarelessStore } from './claim.mutants.js';
import type { Mutant } from './mutant.interface.js';

const EVERY_WAY =
  'limits of groups: hold however a run is started: by the schedule, by hand, again, after a crash, at a start, at a stop';
const FIRST_RUNS = 'limits of groups: hold from the first runs on, which two schedulers start at the same time';

const RATES =
  'limits of rates: hold by the clock of the store when two schedulers start runs at the same time, and nothing waits for long';

const isOfRate = (id: string) => id.startsWith(rateRecordId(''));
const isOfGroup = (id: string) => id.startsWith(groupRecordId(''));

/** Changes records without a lock. */
function unlocked(isMeant: (id: string) => boolean): Mutant['create'] {
  return class extends CarelessStore {
    override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
      if ('due' in selection || !selection.ids.every(isMeant)) return super.transact(selection, apply);
      const storeNow = await this.now();
      const { tasks, missing, unreadable } = await this.select(selection, storeNow);
      const committed: Committed<T>[] = [];
      for (const task of tasks) {
        const change = apply(task, storeNow, []);
        if (change) committed.push(await this.commit(task, change));
      }
      return { committed, left: [], missing, unreadable, failed: [], storeNow };
    }
  };
}

export const LIMIT_MUTANTS: readonly Mutant[] = [
  {
    fault: 'who holds the slots of a group is changed without a lock',
    create: unlocked(isOfGroup),
    caughtBy: [FIRST_RUNS],
  },
  {
    fault: 'who holds the slots of a group is not kept',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        return super.write(isOfGroup(task.id) ? { ...task, state: { ...task.state, live: [] } } : task);
      }
    },
    caughtBy: [EVERY_WAY, FIRST_RUNS],
  },
  {
    fault: 'the record of a group that two schedulers add at the same time is added twice, over what has become of it',
    create: class extends HostStore {
      override async addTasks(tasks: readonly TaskRecord[]): Promise<readonly string[]> {
        if (!tasks.every(({ id }) => isOfGroup(id))) return super.addTasks(tasks);
        const missing: TaskRecord[] = [];
        for (const task of tasks) if ((await this.read(task.id)) === null) missing.push(task);
        const isSecond = this.context.scheduler.identity.endsWith('2');
        for (let turns = isSecond ? 20 : 0; turns > 0; turns -= 1) await this.disk.call();
        for (const task of missing) await this.write(task);
        return [];
      }
    },
    caughtBy: [FIRST_RUNS],
  },
  {
    fault: 'which starts count against a rate limit is changed without a lock',
    create: unlocked(isOfRate),
    caughtBy: [RATES],
  },
  {
    fault: 'which starts count against a rate limit is not kept',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        return super.write(isOfRate(task.id) ? { ...task, definition: { ...task.definition, args: [] } } : task);
      }
    },
    caughtBy: [RATES],
  },
];
