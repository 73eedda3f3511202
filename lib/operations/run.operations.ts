import type {
  BulkRedriveInput,
  CallOptions,
  RunChangeInput,
  RunInput,
  RunListInput,
  WaitRunInput,
} from '../client/operation.inputs.js';
import type { BulkCount, RunDetails } from '../client/operation.results.js';
import type { Serialized } from '../client/serialized.js';
import { RunNotFoundError } from '../errors/run.errors.js';
import { checkFlag } from '../errors/option.checks.js';
import { checkCount } from '../scheduler/tasks/call.options.js';
import type { RedriveManyResult } from '../scheduler/tasks/bulk.redrive.js';
import type { RunInfo } from '../scheduler/tasks/run.info.js';
import type { RunInfoPage } from '../scheduler/tasks/task.inspection.js';
import { checkInput, given } from './operations.base.js';
import { serializeRun, SHORT } from './serialize.js';
import { TaskWrites } from './task.changes.js';

/** How many attempts of one run are shown. */
const MOST_ATTEMPTS = 100;

/** How many dead runs are redriven or counted at once. */
const MOST_REDRIVEN = 1_000;

/** The fields of a filter of dead runs. */
const DEAD_FILTER = ['store', 'taskId', 'runId', 'status', 'source', 'owner', 'from', 'to', 'cursor'];

/** The operations about runs. */
export abstract class RunOperations extends TaskWrites {
  async listRuns(input: RunListInput = {}, _options?: CallOptions): Promise<Serialized<RunInfoPage>> {
    const query = checkInput('listRuns', input, [...DEAD_FILTER, 'dead', 'limit']);
    const { runs, next } = await this.scheduler.getRuns(query);
    return { runs: runs.map((run) => serializeRun(run, SHORT)), next };
  }

  async getRun(input: RunInput, _options?: CallOptions): Promise<RunDetails> {
    const { runId, store } = checkInput('getRun', input, ['runId', 'store']);
    const run = await this.scheduler.getRun(runId, given('store', store));
    if (!run) throw new RunNotFoundError(runId);
    const attempts: RunInfo[] = [];
    // The run says not in which store it is.
    for (const alias of store === undefined ? this.scheduler.getStoreInfos().map((one) => one.store) : [store]) {
      if (attempts.length > 0) break;
      attempts.push(...(await this.scheduler.getRuns({ store: alias, runId, limit: MOST_ATTEMPTS })).runs);
    }
    return { run: serializeRun(run), attempts: attempts.map((attempt) => serializeRun(attempt)) };
  }

  async waitForRun(input: WaitRunInput, { signal }: CallOptions = {}): Promise<Serialized<RunInfo>> {
    const { runId, store, timeout } = checkInput('waitForRun', input, ['runId', 'store', 'timeout']);
    return this.endOf(runId, { ...given('store', store), ...this.waitOf(timeout), ...given('signal', signal) });
  }

  async cancelRun(input: RunChangeInput, _options?: CallOptions): Promise<void> {
    const { runId, store, reason } = checkInput('cancelRun', input, ['runId', 'store', 'reason']);
    await this.scheduler.cancelRun(runId, { ...given('store', store), ...this.asked(reason) });
  }

  async redriveRun(input: RunChangeInput, _options?: CallOptions): Promise<void> {
    const { runId, store, reason } = checkInput('redriveRun', input, ['runId', 'store', 'reason']);
    await this.scheduler.redriveRun(runId, { ...given('store', store), ...this.asked(reason) });
  }

  async redriveRuns(input: BulkRedriveInput, _options?: CallOptions): Promise<RedriveManyResult | BulkCount> {
    const {
      filter,
      reason,
      limit = MOST_REDRIVEN,
      dryRun = false,
    } = checkInput('redriveRuns', input, ['filter', 'reason', 'limit', 'dryRun']);
    checkInput('filter', filter, DEAD_FILTER);
    checkCount('limit', limit, 1, MOST_REDRIVEN);
    if (!checkFlag('dryRun', dryRun)) return this.scheduler.redriveRuns(filter, { limit, ...this.asked(reason) });
    const { runs } = await this.scheduler.getRuns({ ...filter, dead: true, limit });
    return { matching: new Set(runs.map(({ id }) => id)).size };
  }
}
