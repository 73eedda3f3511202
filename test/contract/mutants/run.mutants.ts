import type { RunRecord } from '../../../lib/model/run.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import type { Transacted } from '../../../lib/stores/store.interface.js';
import type { Selection } from '../../../lib/stores/selection.interface.js';
import type { Apply } from '../../../lib/model/change.js';
import { DiskTransaction, HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

/** Changes what is decided about tasks that are named by id: ends, renewals and edits. */
abstract class TamperingStore extends HostStore {
  protected abstract tamper<T>(apply: Apply<T>): Apply<T>;

  override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
    return super.transact(selection, 'ids' in selection ? this.tamper(apply) : apply);
  }
}

/** Whether a change ends a run that was under way. */
function endsRun(task: TaskRecord, next: TaskRecord | null): boolean {
  return task.state.live.some(
    ({ id, status }) =>
      status === 'running' && !next?.state.live.some((one) => one.id === id && one.status === 'running'),
  );
}

export const RUN_MUTANTS: readonly Mutant[] = [
  {
    fault: 'the steps of a run are lost with the next change of its task',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        const live = task.state.live.map(({ steps: _steps, ...run }) => run);
        return super.write({ ...task, state: { ...task.state, live } });
      }
    },
    caughtBy: ['steps: keeps the steps of a run that has not ended, and lets some be added'],
  },
  {
    fault: 'a transaction of the store is never committed',
    create: class extends HostStore {
      override transaction<T>(work: (transaction: unknown) => Promise<T>): Promise<T> {
        return work(new DiskTransaction());
      }
    },
    caughtBy: ['steps: commits what is changed in a transaction that it opens, or nothing'],
  },
  {
    fault: 'a transaction of the store is committed although its work fails',
    create: class extends HostStore {
      override async transaction<T>(work: (transaction: unknown) => Promise<T>): Promise<T> {
        const own = new DiskTransaction();
        try {
          return await work(own);
        } finally {
          own.commit();
        }
      }
    },
    caughtBy: ['steps: commits what is changed in a transaction that it opens, or nothing'],
  },
  {
    fault: 'the steps of a dead run are not kept',
    create: class extends HostStore {
      override saveRuns(runs: readonly RunRecord[]): void {
        super.saveRuns(runs.map(({ steps: _steps, ...run }) => run));
      }
    },
    caughtBy: ['steps: keeps the steps of a dead run, and none of others'],
  },
  {
    fault: 'a decision is made on the first record that the process has seen',
    create: class extends HostStore {
      readonly #seen = new Map<string, TaskRecord>();
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        return super.transact(selection, (task, now, decided) => {
          const seen = this.#seen.get(task.id);
          if ('due' in selection || !seen) this.#seen.set(task.id, task);
          const change = apply(task, now, decided);
          if (change?.task) this.#seen.set(task.id, change.task);
          return 'ids' in selection && seen ? apply(seen, now, decided) : change;
        }) as Promise<Transacted<T>>;
      }
    },
    caughtBy: [
      'changes in one step: loses no change when two schedulers change the same task at the same time',
      'leases: does not prolong the lease of whoever was succeeded',
      'leases: tells the owner that somebody asked to abort a run',
      'leases: refuses the result of whoever was succeeded, and names it',
      'ends of runs: keeps an edit that is made elsewhere while the run goes on',
    ],
  },
  {
    fault: 'what a decision left alone counts as changed',
    create: class extends HostStore {
      override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        const result = (await super.transact(selection, apply)) as Transacted<T>;
        if ('due' in selection) return result;
        const left = result.left.map((task) => ({ id: task.id, task, value: [] as T }));
        return { ...result, committed: [...result.committed, ...left], left: [] };
      }
    },
    caughtBy: [
      'changes in one step: leaves a task alone when there is nothing to change',
      'leases: prolongs many at once and names the lost ones',
      'leases: does not prolong the lease of whoever was succeeded',
      'leases: refuses the result of whoever was succeeded, and names it',
      'ends of runs: ends many runs at once and names those with a stale token',
      'ends of runs: refuses a result that is given twice, and writes it once',
    ],
  },
  {
    fault: 'only the first ended run of a change is kept',
    create: class extends TamperingStore {
      protected tamper<T>(apply: Apply<T>): Apply<T> {
        return (task, now, decided) => {
          const change = apply(task, now, decided);
          return change && { ...change, history: change.history?.slice(0, 1) ?? [] };
        };
      }
    },
    caughtBy: [
      'changes in one step: writes ended runs in the same step',
      'ends of runs: ends several runs of one task in one step',
    ],
  },
  {
    fault: 'a finished one-shot task stays',
    create: class extends TamperingStore {
      protected tamper<T>(apply: Apply<T>): Apply<T> {
        return (task, now, decided) => {
          const change = apply(task, now, decided);
          return change && change.task === null ? { ...change, task } : change;
        };
      }
    },
    caughtBy: [
      'ends of runs: removes a one-shot task with its last run, and not before',
      'ends of runs: sets what comes next for a trigger that counts from the end of a run',
      'start and shutdown: keeps everything over a restart where it says that it is durable',
      'volume: adds, finds, claims and ends many tasks, each once',
    ],
  },
  {
    fault: 'a finished task goes even when the code declares it',
    create: class extends TamperingStore {
      protected tamper<T>(apply: Apply<T>): Apply<T> {
        return (task, now, decided) => {
          const change = apply(task, now, decided);
          return change?.task?.state.exhausted ? { ...change, task: null } : change;
        };
      }
    },
    caughtBy: ['ends of runs: keeps a finished task that the code declares'],
  },
  {
    fault: 'failures do not pause a task',
    create: class extends TamperingStore {
      protected tamper<T>(apply: Apply<T>): Apply<T> {
        return (task, now, decided) => {
          const { definition } = task;
          const lenient = { ...definition, policies: { ...definition.policies, pauseAfterFailures: null } };
          const change = apply({ ...task, definition: lenient }, now, decided);
          return change?.task ? { ...change, task: { ...change.task, definition } } : change;
        };
      }
    },
    caughtBy: ['ends of runs: pauses a task after so many failed runs in a row, and a success starts the count again'],
  },
  {
    fault: 'a run that is to be tried again is over',
    create: class extends TamperingStore {
      protected tamper<T>(apply: Apply<T>): Apply<T> {
        return (task, now, decided) => {
          const change = apply(task, now, decided);
          if (!change?.task || !endsRun(task, change.task)) return change;
          const live = change.task.state.live.filter(({ status }) => status === 'running');
          return { ...change, task: { ...change.task, state: { ...change.task.state, live } } };
        };
      }
    },
    caughtBy: [
      'ends of runs: lets a run that is to be tried again wait for its time',
      'ends of runs: lets a run that is given back start at once, without a trace in the history',
    ],
  },
  {
    fault: 'a lease is not renewed',
    create: class extends TamperingStore {
      protected tamper<T>(apply: Apply<T>): Apply<T> {
        return (task, now, decided) => {
          const change = apply(task, now, decided);
          if (!change?.task) return change;
          const until = new Map(task.state.live.map(({ id, leaseUntil }) => [id, leaseUntil]));
          const live = change.task.state.live.map((run) => ({
            ...run,
            leaseUntil: run.status === 'running' ? (until.get(run.id) ?? run.leaseUntil) : null,
          }));
          return { ...change, task: { ...change.task, state: { ...change.task.state, live } } };
        };
      }
    },
    caughtBy: [
      'leases: prolongs a lease to now plus its length',
      'leases: prolongs many at once and names the lost ones',
    ],
  },
  {
    fault: 'an edit of a run under way is not written',
    create: class extends TamperingStore {
      protected tamper<T>(apply: Apply<T>): Apply<T> {
        return (task, now, decided) => {
          const change = apply(task, now, decided);
          if (!change?.task) return change;
          const live = change.task.state.live.map((run) => ({ ...run, cancel: null }));
          return { ...change, task: { ...change.task, state: { ...change.task.state, live } } };
        };
      }
    },
    caughtBy: ['leases: tells the owner that somebody asked to abort a run'],
  },
];
