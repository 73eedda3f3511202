import type { AsynczError } from '../../errors/asyncz.error.js';
import { InvalidOptionError } from '../../errors/input.errors.js';
import { RunNotDeadError, RunNotFoundError, RunUnreadableError, TaskReplacedError } from '../../errors/run.errors.js';
import { TaskError } from '../../errors/task.errors.js';
import { namesOf } from '../../model/names.js';
import { checkCall, checkCount } from './call.options.js';
import type { ActorOptions, RedriveOptions } from './control.options.js';
import type { RunInfoPage, RunQuery } from './task.inspection.js';

/**
 * Options of `redriveRuns`: how many runs at the most, who asks, and why.
 *
 * @publicApi
 */
export interface RedriveManyOptions extends ActorOptions {
  /** How many dead runs are tried once more, 1 to 1,000: the latest ones. @default 1000 */
  readonly limit?: number;
}

/**
 * What became of dead runs.
 *
 * @publicApi
 */
export interface RedriveManyResult {
  /** How many got one more attempt. */
  readonly redriven: number;
  /** The first ones that did not, at most 100: those under way again, or whose task cannot come back. */
  readonly refused: readonly { readonly runId: string; readonly code: string; readonly message: string }[];
  /** How many did not. */
  readonly refusedCount: number;
  /** The cursor behind the last one that was looked at, for another call; null when there are no more. */
  readonly next: string | null;
}

const REDRIVE_MANY_OPTIONS = namesOf<keyof RedriveManyOptions>({ limit: 0, actor: 0, reason: 0 });

/** How many refusals are named. */
const MOST_NAMED = 100;

/** How many runs a page of the history has. */
const PAGE = 100;

interface RedriveServices {
  readonly getRuns: (query: RunQuery) => Promise<RunInfoPage>;
  readonly redrive: (runId: string, options: RedriveOptions) => Promise<void>;
}

/** Gives each dead run that meets a filter one more attempt. One that is refused is in no other one's way. */
export async function redriveRuns(
  { getRuns, redrive }: RedriveServices,
  filter: Omit<RunQuery, 'dead' | 'limit'>,
  options: RedriveManyOptions = {},
): Promise<RedriveManyResult> {
  checkCall('redriveRuns', options, REDRIVE_MANY_OPTIONS);
  if (typeof filter === 'object' && filter !== null && ('dead' in filter || 'limit' in filter))
    throw new InvalidOptionError('filter', filter, 'conditions of getRuns() without "dead" and "limit"');
  const { limit = 1_000, ...asked } = options;
  checkCount('limit', limit, 1, 1_000);
  const { store = 'default' } = filter;
  const refused: { runId: string; code: string; message: string }[] = [];
  let [redriven, refusedCount] = [0, 0];
  let cursor = filter.cursor;
  for (const seen = new Set<string>(); seen.size < limit;) {
    const page = await getRuns({
      ...filter,
      dead: true,
      limit: Math.min(PAGE, limit - seen.size),
      ...(cursor !== undefined && { cursor }),
    });
    for (const { id: runId } of page.runs) {
      // A run that was redriven and died again has several dead attempts.
      if (seen.has(runId)) continue;
      seen.add(runId);
      try {
        await redrive(runId, { ...asked, store });
        redriven += 1;
      } catch (error) {
        if (!isOfRun(error)) throw error;
        refusedCount += 1;
        if (refused.length < MOST_NAMED) refused.push({ runId, code: error.code, message: error.message });
      }
    }
    if (page.next === null) return { redriven, refused, refusedCount, next: null };
    cursor = page.next;
  }
  return { redriven, refused, refusedCount, next: cursor ?? null };
}

/** Whether an error says something about one run, and not about all of them. */
function isOfRun(error: unknown): error is AsynczError {
  return [RunNotDeadError, RunNotFoundError, RunUnreadableError, TaskReplacedError, TaskError].some(
    (kind) => error instanceof kind,
  );
}
