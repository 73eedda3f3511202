import type { StoredRunFilter, StoredRunPage, RunPageRequest } from '../../../lib/model/query.js';
import type { RunRecord } from '../../../lib/model/run.js';
import type { PruneOptions } from '../../../lib/stores/store.interface.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

export const HISTORY_MUTANTS: readonly Mutant[] = [
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
