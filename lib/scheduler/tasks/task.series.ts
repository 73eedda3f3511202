import { initialState } from '../../model/task.defaults.js';
import type { TriggerData } from '../../model/definition.js';
import type { TaskState } from '../../model/task.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { taskIds } from './task.id.js';
import type { TriggerInput } from './task.options.js';

/** A trigger that was checked, and what of it is stored. */
export interface CheckedTrigger {
  readonly trigger: BaseTrigger;
  readonly data: TriggerData;
}

/** The times of a state that was never claimed. */
type FirstTimes = Pick<TaskState, 'nextScheduledTime' | 'nextRunTime' | 'exhausted'>;

/** Past this many distinct triggers the series begins anew: a bound on memory. */
const MAX_TRIGGERS = 1_000;

/**
 * Tasks that are made one after the other, as of one moment: what they have in common is made once. A trigger costs more than
 * all the rest of a task (8 of 10 microseconds for an interval, 25 of 27 for a cron expression), and a list has few of them.
 */
export class TaskSeries {
  readonly #triggers = new Map<string, CheckedTrigger>();
  readonly #timeless = new Map<string, TriggerData>();
  readonly #newId: () => string;
  #state: TaskState;

  /** @param now The store's clock, in milliseconds since the epoch. */
  constructor(readonly now: number) {
    this.#state = initialState(now);
    this.#newId = taskIds(now);
  }

  /** An id for a task that is given none. */
  newId(): string {
    return this.#newId();
  }

  /** The trigger as `make` makes it, or as it was made of the same options before. */
  trigger(given: TriggerInput, make: () => CheckedTrigger): CheckedTrigger {
    return madeOnce(this.#triggers, given, make);
  }

  /** The same for what a trigger resolves to whenever it is declared. */
  timeless(given: TriggerInput, make: () => TriggerData): TriggerData {
    return madeOnce(this.#timeless, given, make);
  }

  /** The state of a new task with these times: the same object for the same times as before, since states never change. */
  state({ nextScheduledTime, nextRunTime, exhausted }: FirstTimes): TaskState {
    const last = this.#state;
    const isSame =
      last.nextRunTime === nextRunTime && last.nextScheduledTime === nextScheduledTime && last.exhausted === exhausted;
    if (!isSame) this.#state = { ...last, nextScheduledTime, nextRunTime, exhausted };
    return this.#state;
  }
}

function madeOnce<T>(made: Map<string, T>, given: TriggerInput, make: () => T): T {
  const key = keyOf(given);
  if (key === null) return make();
  let value = made.get(key);
  if (value === undefined) {
    value = make();
    if (made.size >= MAX_TRIGGERS) made.clear();
    made.set(key, value);
  }
  return value;
}

/** What tells options of a trigger from others; null for those with more in them than plain words, numbers and flags. */
function keyOf(given: TriggerInput): string | null {
  if (typeof given !== 'object' || given === null || Object.getPrototypeOf(given) !== Object.prototype) return null;
  let key = '';
  for (const name of Object.keys(given)) {
    const value: unknown = given[name as keyof TriggerInput];
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return null;
    key += `${name.length}:${name}${typeof value}${String(value).length}:${value}`;
  }
  return key;
}
