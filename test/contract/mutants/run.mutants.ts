import type { StoredRunFilter, StoredRunPage, RunPageRequest } from '../../../lib/model/query.js';
import type { RunRecord } from '../../../lib/model/run.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import type { PruneOptions, Transacted } from '../../../lib/stores/store.interface.js';
import type { Selection } from '../../../lib/stores/selection.interface.js';
import type { Apply } from '../../../lib/model/change.js';
import { HostStore } from '../../support/host.store.js';
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
  {
    fault: 'ended runs are not kept',
    create: class extends HostStore {
      override saveRuns(): void {}
    },
    caughtBy: [
      'changes in one step: writes ended runs in the same step',
      'history: gives back an ended run in every field',
      'history: keeps ended runs on their own, each replacing the one that is there',
      'history: keeps the runs of a task that is deleted',
    ],
  },
  {
    fault: 'an ended run is kept only while its task is there',
    create: class extends HostStore {
      override saveRuns(runs: readonly RunRecord[]): void {
        super.saveRuns(runs.filter(({ taskId }) => this.disk.rows.has(taskId)));
      }
    },
    caughtBy: [
      'history: keeps ended runs of tasks that are gone',
      'history: keeps ended runs on their own, each replacing the one that is there',
    ],
  },
  {
    fault: 'an attempt that is written twice is there twice',
    create: class extends HostStore {
      override saveRuns(runs: readonly RunRecord[]): void {
        const { runs: known } = this.disk.history.query({}, { limit: 10_000 }, this.codec);
        const isKnown = (run: RunRecord) => known.some(({ id, attempt }) => id === run.id && attempt === run.attempt);
        super.saveRuns(runs.map((run) => (isKnown(run) ? { ...run, token: run.token + 1_000 } : run)));
      }
    },
    caughtBy: ['history: replaces an attempt that is written twice, and keeps other attempts and tokens'],
  },
  {
    fault: 'results keep no types and are shared with the caller',
    create: class extends HostStore {
      readonly #results = new Map<string, unknown>();
      override saveRuns(runs: readonly RunRecord[]): void {
        for (const { id, attempt, result } of runs) this.#results.set(`${id}/${attempt}`, result);
        super.saveRuns(runs);
      }
      override runs(filter: StoredRunFilter, page: RunPageRequest): StoredRunPage {
        const { runs, next } = super.runs(filter, page);
        return {
          next,
          runs: runs.map((run) =>
            Object.assign(run, { result: this.#results.get(`${run.id}/${run.attempt}`) ?? run.result }),
          ),
        };
      }
    },
    caughtBy: ['values and ids: is not changed by what happens to an ended run'],
  },
  {
    fault: 'the history starts with the oldest',
    create: class extends HostStore {
      override runs(filter: StoredRunFilter, page: RunPageRequest): StoredRunPage {
        const { runs, next } = super.runs(filter, page);
        return { runs: runs.toReversed(), next };
      }
    },
    caughtBy: [
      'history: lists the latest end first, then by run id, then the latest attempt',
      'history: filters by task, run, status, source, owner, time and whether it is dead, alone and together',
    ],
  },
  {
    fault: 'a page of the history goes on by number',
    create: class extends HostStore {
      override runs(filter: StoredRunFilter, { limit, cursor }: RunPageRequest): StoredRunPage {
        const from = Number(cursor ?? 0);
        const { runs } = super.runs(filter, { limit: 10_000 });
        return { runs: runs.slice(from, from + limit), next: from + limit < runs.length ? String(from + limit) : null };
      }
    },
    caughtBy: [
      'history: goes on where a page ended while newer runs come in',
      'history: refuses a cursor that it did not make',
    ],
  },
  {
    fault: 'a page of the history goes on after the last time, and so leaves ties out',
    create: class extends HostStore {
      override runs(filter: StoredRunFilter, { limit, cursor }: RunPageRequest): StoredRunPage {
        if (cursor !== undefined && !Number.isInteger(Number(cursor || 'none')))
          return super.runs(filter, { limit, cursor });
        const to = cursor === undefined ? filter : { ...filter, to: Number(cursor) };
        const { runs, next } = super.runs(to, { limit });
        return { runs, next: next && String(runs.at(-1)!.endedAt) };
      }
    },
    caughtBy: ['history: pages by cursor through ties without a gap or a repetition'],
  },
  {
    fault: 'pruning has no bound and takes the latest',
    create: class extends HostStore {
      override pruneRuns({ keep, ...options }: PruneOptions): number {
        return super.pruneRuns({ ...options, keep: keep === null ? null : keep + 1, limit: 10_000 });
      }
    },
    caughtBy: [
      'history: prunes runs that ended before a time, the oldest first, in bounded steps',
      'history: prunes all but the latest runs of each task',
      'history: keeps runs that failed or were lost for as long as they are to be kept',
    ],
  },
  {
    fault: 'pruning treats failures like all other runs',
    create: class extends HostStore {
      override pruneRuns(options: PruneOptions): number {
        return super.pruneRuns({ ...options, failedBefore: null });
      }
    },
    caughtBy: ['history: keeps runs that failed or were lost for as long as they are to be kept'],
  },
  {
    fault: 'the history does not look whether a run is dead',
    create: class extends HostStore {
      override runs({ dead: _dead, ...filter }: StoredRunFilter, page: RunPageRequest): StoredRunPage {
        return super.runs(filter, page);
      }
    },
    caughtBy: ['history: filters by task, run, status, source, owner, time and whether it is dead, alone and together'],
  },
];
