import { standOf } from '../../../lib/model/change.js';
import type { Apply } from '../../../lib/model/change.js';
import type { StoredTask, TaskRecord } from '../../../lib/model/task.js';
import { isUnreadable } from '../../../lib/model/task.js';
import type { Exchange, Exchanged, Taken, TakeRequest } from '../../../lib/stores/exchange.interface.js';
import type { Selection } from '../../../lib/stores/selection.interface.js';
import type { Transacted } from '../../../lib/stores/store.interface.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

/** Does something else about taking. */
abstract class TakingStore extends HostStore {
  protected abstract taken(request: TakeRequest): Promise<Taken>;

  override async exchange({ take, ...rest }: Exchange): Promise<Exchanged> {
    const exchanged = await super.exchange(rest);
    return take ? { ...exchanged, taken: await this.taken(take) } : exchanged;
  }

  /** What a store that keeps the contract does. */
  protected async soundly(take: TakeRequest): Promise<Taken> {
    return (await super.exchange({ take })).taken!;
  }
}

/** Asks for something else. */
abstract class MishearingStore extends TakingStore {
  protected abstract heard(request: TakeRequest): TakeRequest;

  protected taken(request: TakeRequest): Promise<Taken> {
    return this.soundly(this.heard(request));
  }
}

function withState(task: TaskRecord, state: Partial<TaskRecord['state']>): TaskRecord {
  return { ...task, state: { ...task.state, ...state } };
}

export const TAKE_MUTANTS: readonly Mutant[] = [
  {
    fault: 'what was taken is not put under a lease, so that everybody takes it',
    create: class extends TakingStore {
      protected async taken(request: TakeRequest): Promise<Taken> {
        const taken = await this.soundly(request);
        for (const { task } of taken.tasks) await this.write({ ...task, version: task.version + 1 });
        return taken;
      }
    },
    caughtBy: [
      'taking due tasks: puts a task under a lease, and gives it back else as it was',
      'taking due tasks: gives each task to one of two schedulers',
      'taking due tasks: counts a task that was taken as running',
      'taking due tasks: keeps the lease when somebody changes the task meanwhile, and what its owner writes is lost',
    ],
  },
  {
    fault: 'a lease does not hold as long as was asked for',
    create: class extends MishearingStore {
      protected heard(request: TakeRequest): TakeRequest {
        return { ...request, leaseMs: 0 };
      }
    },
    caughtBy: [
      'taking due tasks: puts a task under a lease, and gives it back else as it was',
      'taking due tasks: gives each task to one of two schedulers',
      'taking due tasks: takes nothing that is under a lease until it expires, and then says whose it was',
    ],
  },
  {
    fault: 'a lease that was taken is not a running one',
    create: class extends HostStore {
      override async getAllTasks(): Promise<readonly StoredTask[]> {
        const tasks = await super.getAllTasks();
        return tasks.map((task) => (isUnreadable(task) ? task : withState(task, { lease: null })));
      }
    },
    caughtBy: ['taking due tasks: counts a task that was taken as running'],
  },
  {
    fault: 'tasks are taken by priority whatever is asked for',
    create: class extends MishearingStore {
      protected heard(request: TakeRequest): TakeRequest {
        return { ...request, order: 'priority' };
      }
    },
    caughtBy: ['taking due tasks: takes by priority, or by age, and no more than asked for'],
  },
  {
    fault: 'more is taken than was asked for',
    create: class extends MishearingStore {
      protected heard(request: TakeRequest): TakeRequest {
        return { ...request, limit: request.limit + 1 };
      }
    },
    caughtBy: ['taking due tasks: takes by priority, or by age, and no more than asked for'],
  },
  {
    fault: 'tasks are taken whatever their handler is',
    create: class extends MishearingStore {
      protected heard(request: TakeRequest): TakeRequest {
        return { ...request, handlers: null };
      }
    },
    caughtBy: ['taking due tasks: takes what its handlers can run'],
  },
  {
    fault: 'tasks are taken that were to be left out',
    create: class extends MishearingStore {
      protected heard({ except: _except, ...request }: TakeRequest): TakeRequest {
        return request;
      }
    },
    caughtBy: [
      'taking due tasks: leaves tasks out by their group',
      'taking due tasks: leaves tasks out by their key',
      'taking due tasks: leaves tasks out by their executor',
    ],
  },
  {
    fault: 'a taking does not say whose lease had expired',
    create: class extends TakingStore {
      protected async taken(request: TakeRequest): Promise<Taken> {
        const taken = await this.soundly(request);
        return {
          ...taken,
          tasks: taken.tasks.map(({ task, lease }) => ({ task: withState(task, { lease: null }), lease })),
        };
      }
    },
    caughtBy: ['taking due tasks: takes nothing that is under a lease until it expires, and then says whose it was'],
  },
  {
    fault: 'a lease ends only when it expires',
    create: class extends HostStore {
      protected override async write(task: TaskRecord): Promise<void> {
        const stored = await this.read(task.id);
        const lease = stored && !isUnreadable(stored) ? stored.state.lease : null;
        await super.write(task.state.lease ? task : withState(task, { lease }));
      }
    },
    caughtBy: ['taking due tasks: ends with what its owner writes, which makes the task due as it then is'],
  },
  {
    fault: 'whoever has had a lease may write',
    create: class extends HostStore {
      override async exchange({ write = [], ...rest }: Exchange): Promise<Exchanged> {
        const forged = await Promise.all(
          write.map(async (change) => {
            const stored = await this.read(change.from.id);
            return stored && !isUnreadable(stored) ? { ...change, from: standOf(stored) } : change;
          }),
        );
        return super.exchange({ ...rest, write: forged });
      }
    },
    caughtBy: [
      'taking due tasks: is fenced: what a scheduler writes whose lease was taken over is lost',
      'taking due tasks: keeps the lease when somebody changes the task meanwhile, and what its owner writes is lost',
    ],
  },
  {
    fault: 'a change of a task breaks its lease',
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        return super.transact(selection, (task, now, decided) => {
          const change = apply(task, now, decided);
          const isKept = change?.task && change.task.state.lease?.token === task.state.lease?.token;
          return isKept ? { ...change, task: withState(change.task!, { lease: null }) } : change;
        }) as Promise<Transacted<T>>;
      }
    },
    caughtBy: [
      'taking due tasks: keeps the lease when somebody changes the task meanwhile, and what its owner writes is lost',
    ],
  },
  {
    fault: 'tasks are taken before what comes with the request is written',
    create: class extends TakingStore {
      protected taken(request: TakeRequest): Promise<Taken> {
        return this.soundly(request);
      }
      override async exchange({ write = [], take }: Exchange): Promise<Exchanged> {
        const taken = take ? await this.taken(take) : null;
        return { ...(await super.exchange({ write })), taken };
      }
    },
    caughtBy: ['taking due tasks: writes and takes in one call, the former first'],
  },
  {
    fault: 'a record that cannot be read is removed when others are taken',
    create: class extends TakingStore {
      protected async taken(request: TakeRequest): Promise<Taken> {
        const taken = await this.soundly(request);
        for (const task of await this.readAll()) if (isUnreadable(task)) await this.deleteTask(task.id);
        return taken;
      }
    },
    caughtBy: ['a damaged record: is not taken, and stays as it is'],
  },
];
